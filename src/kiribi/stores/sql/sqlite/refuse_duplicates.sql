-- Abort the batch if one of these jobs was not stored, because another holds its key.
-- ?2: [[binding, key, id], ...]
INSERT INTO duplicate_job (id)
SELECT asked.value ->> 2
FROM json_each(?2) AS asked
CROSS JOIN job ON unique_held = 1 AND job.binding = asked.value ->> 0
  AND unique_key = asked.value ->> 1
WHERE job.id <> asked.value ->> 2
  AND NOT EXISTS (SELECT 1 FROM job AS stored WHERE stored.id = asked.value ->> 2)
