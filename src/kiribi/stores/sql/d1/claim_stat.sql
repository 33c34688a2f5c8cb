-- As the one of SQLite. Each job is read once; those of several bindings are added up from a text.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
noted (ids) AS (SELECT fresh FROM claim WHERE worker = ?2 AND pool = ?3 AND token = ?4),
total AS MATERIALIZED (
  SELECT min(binding) AS binding, min(binding) <> max(binding) AS mixed, count(*) AS number,
    sum(status = 'PENDING') AS pending, sum(waited) AS waited, group_concat(mark, '') AS marks,
    json_group_array(binding) AS names,
    json_group_array(json_array(binding, status = 'PENDING', waited, mark)) AS jobs
  FROM (
    SELECT *, ',' || iif(waited > 0, CAST(ceil(4 * log2(waited)) AS INTEGER), -1) || ';' AS mark
    FROM (
      SELECT job.binding, job.status, (SELECT now FROM clock) - due AS waited
      FROM elements((SELECT ids FROM noted)) AS one CROSS JOIN job ON job.id = one.value
      WHERE job.status IN ('PENDING', 'RETRY_PENDING')
      LIMIT -1
    )
  )
),
kind (binding, names, jobs) AS (
  SELECT binding, names, jobs FROM total WHERE mixed
  UNION ALL
  SELECT (SELECT min(value) FROM elements(names) WHERE value > binding), names, jobs
  FROM kind WHERE binding IS NOT NULL
),
part AS MATERIALIZED (
  SELECT binding, (
    SELECT json_array(count(*), sum(value ->> 1), sum(value ->> 2), group_concat(value ->> 3, ''))
    FROM elements(jobs) WHERE value ->> 0 = binding
  ) AS sums
  FROM kind WHERE binding IS NOT NULL
  UNION ALL
  SELECT binding, json_array(number, pending, waited, marks) FROM total
  WHERE number > 0 AND NOT mixed
)
INSERT INTO stat (span_ms, at_ms, binding, pending, retry_pending, processing, changes, waits, wait_ms,
  wait_buckets, last_ms)
SELECT 60000, now - now % 60000, binding, -(sums ->> 1), (sums ->> 1) - (sums ->> 0), sums ->> 0,
  sums ->> 0, sums ->> 0, sums ->> 2, histogram(sums ->> 3), now
FROM part, clock WHERE true
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  retry_pending = retry_pending + excluded.retry_pending,
  processing = processing + excluded.processing,
  changes = changes + excluded.changes,
  waits = waits + excluded.waits,
  wait_ms = wait_ms + excluded.wait_ms,
  wait_buckets = summed(stat.wait_buckets, excluded.wait_buckets),
  last_ms = excluded.last_ms
