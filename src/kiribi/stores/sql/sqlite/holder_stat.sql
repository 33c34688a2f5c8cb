-- Count the holders about to be changed by change_holders, whose ?2 this takes.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
change AS (
  SELECT value ->> 1 AS binding, value ->> 2 AS unique_key, max(value ->> 3) AS replaces
  FROM json_each(?2)
  WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.id = value ->> 0)
  GROUP BY value ->> 1, value ->> 2
)
INSERT INTO stat (span_ms, at_ms, binding, pending, retry_pending, changes)
SELECT 60000, now - now % 60000, job.binding, sum(replaces AND status = 'RETRY_PENDING'),
  -sum(replaces AND status = 'RETRY_PENDING'), count(*)
FROM change, clock
CROSS JOIN job ON unique_held = 1 AND job.binding = change.binding
  AND job.unique_key = change.unique_key
WHERE status IN ('PENDING', 'RETRY_PENDING')
GROUP BY job.binding
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  retry_pending = retry_pending + excluded.retry_pending,
  changes = changes + excluded.changes
