-- Abort the batch if one of these jobs was not stored, because another holds its key.
-- $2: [[binding, key, id], ...]
INSERT INTO kiribi.duplicate_job (id)
SELECT asked ->> 2 FROM jsonb_array_elements($2::jsonb) AS asked
WHERE NOT EXISTS (SELECT 1 FROM kiribi.job WHERE job.id = asked ->> 2)
