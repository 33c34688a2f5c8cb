-- Count the outlived jobs about to be removed. ?2: {status: finished before}
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO stat (span_ms, at_ms, binding, completed, failed, cancelled, changes)
SELECT 60000, now - now % 60000, binding, -sum(status = 'COMPLETED'), -sum(status = 'FAILED'),
  -sum(status = 'CANCELLED'), count(*)
FROM meta, clock CROSS JOIN job
WHERE meta.key = 'pruned' AND id > meta.value ->> 0 AND id <= meta.value ->> 1
  AND finished_ms < ?2 ->> status AND open IS NULL
GROUP BY binding
ON CONFLICT DO UPDATE SET
  completed = completed + excluded.completed,
  failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled,
  changes = changes + excluded.changes
