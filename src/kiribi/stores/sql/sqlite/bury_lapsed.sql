-- Declare dead whose lease has lapsed.
UPDATE worker SET dead_reason = 'its lease lapsed'
WHERE lease_until <= coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) AND dead_reason IS NULL
