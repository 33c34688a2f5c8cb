-- Count the jobs about to be deleted. ?2: ids, ?3: statuses
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO stat (span_ms, at_ms, binding, pending, retry_pending, completed, failed, cancelled, changes)
SELECT 60000, now - now % 60000, binding, -sum(status = 'PENDING'), -sum(status = 'RETRY_PENDING'),
  -sum(status = 'COMPLETED'), -sum(status = 'FAILED'), -sum(status = 'CANCELLED'), count(*)
FROM job, clock
WHERE id IN (SELECT value FROM json_each(?2))
  AND status IN (SELECT value FROM json_each(?3)) AND status <> 'PROCESSING'
GROUP BY binding
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  retry_pending = retry_pending + excluded.retry_pending,
  completed = completed + excluded.completed,
  failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled,
  changes = changes + excluded.changes
