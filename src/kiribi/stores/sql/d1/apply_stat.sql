-- As the one of SQLite. Each job is read once; those of several bindings are added up from a text.
-- ?2: [[id, holder, attempts, status, failures, crashes, delay_ms, outcome, result, error, cancel, waits], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
change AS NOT MATERIALIZED (
  SELECT binding, job.status AS old, value ->> 7 AS outcome,
    CASE
      WHEN NOT (
        cancel_requested AND value ->> 7 IS NOT NULL
        AND value ->> 3 IN ('PENDING', 'RETRY_PENDING')
      ) THEN value ->> 3
      WHEN value ->> 7 = 'failed' THEN 'FAILED' ELSE 'CANCELLED' END AS new,
    CASE WHEN value ->> 7 <> 'crashed' THEN max(0, (SELECT now FROM clock) - started_ms) END AS ran
  FROM elements(?2) AS asked
  CROSS JOIN job
    ON job.id = value ->> 0 AND coalesce(worker, job.status) = value ->> 1
    AND job.attempts = value ->> 2
    AND (value ->> 11 <> 1 OR job.due = 253402300799999)
    AND (value ->> 11 <> 2 OR unique_key IS NULL OR unique_held = 1 OR unique_until <= (SELECT now FROM clock))
),
total AS MATERIALIZED (
  SELECT min(binding) AS binding, min(binding) <> max(binding) AS mixed, count(*) AS changes,
    json_array(
      count(*), coalesce(sum(ran), 0), count(ran),
      sum((new = 'PENDING') - (old = 'PENDING')),
      sum((new = 'PROCESSING') - (old = 'PROCESSING')),
      sum((new = 'RETRY_PENDING') - (old = 'RETRY_PENDING')),
      sum((new = 'COMPLETED') - (old = 'COMPLETED')),
      sum((new = 'FAILED') - (old = 'FAILED')),
      sum((new = 'CANCELLED') - (old = 'CANCELLED')),
      count(*) FILTER (WHERE outcome = 'completed'),
      count(*) FILTER (WHERE outcome = 'failed'),
      count(*) FILTER (WHERE outcome = 'failed' AND new = 'RETRY_PENDING'),
      count(*) FILTER (WHERE new = 'CANCELLED'),
      count(*) FILTER (WHERE outcome = 'crashed'),
      group_concat(
        ',' || CASE WHEN ran > 0 THEN CAST(ceil(4 * log2(ran)) AS INTEGER) WHEN ran = 0 THEN -1 END || ';',
        ''
      )
    ) AS sums, json_group_array(binding) AS names,
    json_group_array(json_array(binding, old, new, outcome, ran)) AS jobs
  FROM change
),
kind (binding, names, jobs) AS (
  SELECT binding, names, jobs FROM total WHERE mixed
  UNION ALL
  SELECT (SELECT min(value) FROM elements(names) WHERE value > binding), names, jobs
  FROM kind WHERE binding IS NOT NULL
),
part AS MATERIALIZED (
  SELECT binding, (
    SELECT json_array(
      count(*), coalesce(sum(ran), 0), count(ran),
      sum((new = 'PENDING') - (old = 'PENDING')),
      sum((new = 'PROCESSING') - (old = 'PROCESSING')),
      sum((new = 'RETRY_PENDING') - (old = 'RETRY_PENDING')),
      sum((new = 'COMPLETED') - (old = 'COMPLETED')),
      sum((new = 'FAILED') - (old = 'FAILED')),
      sum((new = 'CANCELLED') - (old = 'CANCELLED')),
      count(*) FILTER (WHERE outcome = 'completed'),
      count(*) FILTER (WHERE outcome = 'failed'),
      count(*) FILTER (WHERE outcome = 'failed' AND new = 'RETRY_PENDING'),
      count(*) FILTER (WHERE new = 'CANCELLED'),
      count(*) FILTER (WHERE outcome = 'crashed'),
      group_concat(
        ',' || CASE WHEN ran > 0 THEN CAST(ceil(4 * log2(ran)) AS INTEGER) WHEN ran = 0 THEN -1 END || ';',
        ''
      )
    )
    FROM (
      SELECT value ->> 1 AS old, value ->> 2 AS new, value ->> 3 AS outcome, value ->> 4 AS ran
      FROM elements(jobs) WHERE value ->> 0 = kind.binding LIMIT -1
    )
  ) AS sums
  FROM kind WHERE binding IS NOT NULL
  UNION ALL
  SELECT binding, sums FROM total WHERE changes > 0 AND NOT mixed
)
INSERT INTO stat (span_ms, at_ms, binding, changes, run_ms, runs, pending, processing, retry_pending,
  completed, failed, cancelled, completions, failures, retries, cancellations, crashes, run_buckets,
  last_ms)
SELECT 60000, now - now % 60000, binding, sums ->> 0, sums ->> 1, sums ->> 2, sums ->> 3,
  sums ->> 4, sums ->> 5, sums ->> 6, sums ->> 7, sums ->> 8, sums ->> 9, sums ->> 10, sums ->> 11,
  sums ->> 12, sums ->> 13, histogram(sums ->> 14), now
FROM part, clock WHERE true
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  processing = processing + excluded.processing,
  retry_pending = retry_pending + excluded.retry_pending,
  completed = completed + excluded.completed,
  failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled,
  changes = changes + excluded.changes,
  completions = completions + excluded.completions,
  failures = failures + excluded.failures,
  retries = retries + excluded.retries,
  cancellations = cancellations + excluded.cancellations,
  crashes = crashes + excluded.crashes,
  runs = runs + excluded.runs,
  run_ms = run_ms + excluded.run_ms,
  run_buckets = summed(stat.run_buckets, excluded.run_buckets),
  last_ms = excluded.last_ms
