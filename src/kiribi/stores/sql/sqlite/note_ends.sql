-- Note for those who wait how jobs stand now: ended, open again, or gone; who waits.
-- ?2: [[on_id, its status when it was deleted], ...]
UPDATE dependency SET outcome = now_is
FROM (
  SELECT value ->> 0 AS id, CASE
    WHEN job.id IS NOT NULL THEN iif(open IS NULL, status, NULL)
    WHEN value ->> 1 = 'COMPLETED' THEN 'COMPLETED'
    ELSE 'DELETED' END AS now_is
  FROM json_each(?2) LEFT JOIN job ON job.id = value ->> 0
) AS ended
WHERE on_id = ended.id AND outcome IS NOT now_is
  -- what need not exist any more may be deleted
  AND (now_is IS NOT 'DELETED' OR coalesce(outcome, '') NOT IN ('COMPLETED', 'WAIVED'))
RETURNING job_id
