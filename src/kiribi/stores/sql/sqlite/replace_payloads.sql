-- Store the payloads of replaced jobs that are too long for the row.
-- ?2: [[id, binding, key, body], ...]: of the last duplicates, see change_holders.
INSERT INTO payload (job_id, body)
SELECT job.id, asked.value ->> 3
FROM json_each(?2) AS asked
CROSS JOIN job ON unique_held = 1 AND job.binding = asked.value ->> 1
  AND unique_key = asked.value ->> 2
WHERE status = 'PENDING' AND job.payload IS NULL AND job.id <> asked.value ->> 0
  AND NOT EXISTS (SELECT 1 FROM job AS stored WHERE stored.id = asked.value ->> 0)
ON CONFLICT DO UPDATE SET body = excluded.body
