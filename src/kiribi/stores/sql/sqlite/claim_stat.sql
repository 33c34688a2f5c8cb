-- Count the jobs about to be taken. ?2: worker, ?3: pool, ?4: token of this claim.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
part AS (
  SELECT binding, count(*) AS number, sum(status = 'PENDING') AS pending, sum(now - due) AS waited,
    iif(now > due, CAST(ceil(4 * log2(now - due)) AS INTEGER), -1) AS bucket
  FROM claim, json_each(fresh) AS taken, clock CROSS JOIN job ON job.id = taken.value
  WHERE claim.worker = ?2 AND pool = ?3 AND token = ?4 AND status IN ('PENDING', 'RETRY_PENDING')
  GROUP BY binding, bucket
)
INSERT INTO stat (span_ms, at_ms, binding, pending, retry_pending, processing, changes, waits, wait_ms,
  wait_buckets, last_ms)
SELECT 60000, now - now % 60000, binding, -sum(pending), -sum(number - pending),
  sum(number), sum(number), sum(number), sum(waited), json_group_object(bucket, number), now
FROM part, clock
GROUP BY binding
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  retry_pending = retry_pending + excluded.retry_pending,
  processing = processing + excluded.processing,
  changes = changes + excluded.changes,
  waits = waits + excluded.waits,
  wait_ms = wait_ms + excluded.wait_ms,
  wait_buckets = (
    SELECT json_group_object(key, number) FROM (
      SELECT key, sum(value) AS number FROM (
        SELECT key, value FROM json_each(stat.wait_buckets)
        UNION ALL SELECT key, value FROM json_each(excluded.wait_buckets)
      ) GROUP BY key
    )
  ),
  last_ms = excluded.last_ms
