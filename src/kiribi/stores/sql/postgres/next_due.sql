-- Milliseconds until a job of unpaused bindings can be claimed; NULL: not within the next second.
-- $2: bindings, $3: the floor of each
SELECT kiribi.next_due($1, $2, $3)
