-- Have these jobs, open or ended, stay as they are until the end, for those who look before they change.
-- $2: [id, ...]
SELECT kiribi.lock_jobs(kiribi.texts($2::text))
