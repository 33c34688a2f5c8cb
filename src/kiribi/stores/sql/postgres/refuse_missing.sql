-- Abort the batch if new jobs wait for one that does not exist. $2: [job_id, ...]
INSERT INTO kiribi.missing_job (id)
SELECT on_id FROM kiribi.dependency
WHERE job_id = ANY (kiribi.texts($2::text)) AND outcome IS NULL
  AND coalesce(
    (SELECT id FROM kiribi.job_open WHERE id = on_id), (SELECT id FROM kiribi.job WHERE id = on_id)
  ) IS NULL
