-- As the one of SQLite. Where all jobs are of one binding, none is read again to group them.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
noted (ids) AS (SELECT fresh FROM claim WHERE worker = ?2 AND pool = ?3 AND token = ?4),
taken AS NOT MATERIALIZED (
  SELECT job.binding, job.status, (SELECT now FROM clock) - due AS waited
  FROM elements((SELECT ids FROM noted)) AS one CROSS JOIN job ON job.id = one.value
  WHERE job.status IN ('PENDING', 'RETRY_PENDING')
),
total AS MATERIALIZED (
  SELECT min(binding) AS binding, min(binding) <> max(binding) AS mixed, count(*) AS number,
    sum(status = 'PENDING') AS pending, sum(waited) AS waited,
    group_concat(',' || iif(waited > 0, CAST(ceil(4 * log2(waited)) AS INTEGER), -1) || ';', '') AS marks
  FROM taken
),
part AS (
  SELECT binding, count(*) AS number, sum(status = 'PENDING') AS pending, sum(waited) AS waited,
    group_concat(',' || iif(waited > 0, CAST(ceil(4 * log2(waited)) AS INTEGER), -1) || ';', '') AS marks
  FROM taken WHERE (SELECT mixed FROM total)
  GROUP BY binding
  UNION ALL
  SELECT binding, number, pending, waited, marks FROM total WHERE number > 0 AND NOT mixed
)
INSERT INTO stat (span_ms, at_ms, binding, pending, retry_pending, processing, changes, waits, wait_ms,
  wait_buckets, last_ms)
SELECT 60000, now - now % 60000, binding, -pending, pending - number, number, number, number, waited,
  histogram(marks), now
FROM part, clock WHERE true
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
