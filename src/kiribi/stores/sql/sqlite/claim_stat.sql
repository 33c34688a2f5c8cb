-- Count the jobs about to be taken. ?2: worker, ?3: pool, ?4: token of this claim.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO stat (span_ms, at_ms, binding, pending, retry_pending, processing, changes, waits, wait_ms,
  last_ms)
SELECT 60000, now - now % 60000, binding, -sum(status = 'PENDING'), -sum(status = 'RETRY_PENDING'),
  count(*), count(*), count(*), sum(now - due), now
FROM claim, json_each(fresh) AS taken, clock CROSS JOIN job ON job.id = taken.value
WHERE claim.worker = ?2 AND pool = ?3 AND token = ?4 AND status IN ('PENDING', 'RETRY_PENDING')
GROUP BY binding
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  retry_pending = retry_pending + excluded.retry_pending,
  processing = processing + excluded.processing,
  changes = changes + excluded.changes,
  waits = waits + excluded.waits,
  wait_ms = wait_ms + excluded.wait_ms,
  last_ms = excluded.last_ms
