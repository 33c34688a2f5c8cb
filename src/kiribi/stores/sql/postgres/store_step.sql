-- Store a step's value, once, while the attempt runs; the same value again is no harm. Whoever settles
-- the attempt meanwhile is waited for.
-- $2: job_id, $3: attempt, $4: name, $5: value, $6: its worker
WITH running AS (
  SELECT id FROM kiribi.job
  WHERE shelf = 0 AND id = $2::text AND attempts = $3::integer AND worker = $6::text FOR SHARE
)
INSERT INTO kiribi.step AS stored (job_id, name, value)
SELECT id, $4::text, $5::text FROM running
ON CONFLICT (job_id, name) DO UPDATE SET value = excluded.value WHERE stored.value = excluded.value
RETURNING job_id
