-- Which jobs were not stored, and who holds their keys. ?2: [[binding, key, id], ...]
SELECT asked.value ->> 2, job.id
FROM json_each(?2) AS asked
CROSS JOIN job ON unique_held = 1 AND job.binding = asked.value ->> 0
  AND unique_key = asked.value ->> 1
WHERE job.id <> asked.value ->> 2
  AND NOT EXISTS (SELECT 1 FROM job AS stored WHERE stored.id = asked.value ->> 2)
