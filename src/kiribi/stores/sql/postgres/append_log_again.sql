-- Append those lines that `append_log` has not: its answer was lost, and it may have been carried out.
-- $2: as there
SELECT kiribi.append_log($2, true)
