-- Note what jobs about to be retried wait for again: what is open, or retried with them.
-- ?2: [[id, expected, attempts, ...], ...]
WITH again AS (
  SELECT job.id FROM json_each(?2) CROSS JOIN job
    ON job.id = value ->> 0 AND status = value ->> 1 AND attempts = value ->> 2
)
UPDATE dependency SET outcome = CASE
  WHEN EXISTS (
    SELECT 1 FROM job WHERE job.id = on_id AND (open = 1 OR job.id IN (SELECT id FROM again))
  ) THEN NULL
  WHEN outcome = 'COMPLETED' THEN outcome
  ELSE coalesce((SELECT status FROM job WHERE job.id = on_id AND status = 'COMPLETED'), 'WAIVED')
  END
WHERE job_id IN (SELECT id FROM again)
