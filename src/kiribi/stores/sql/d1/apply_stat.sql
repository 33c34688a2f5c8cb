-- As the one of SQLite. Where all jobs are of one binding, none is read again to group them.
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
  SELECT min(binding) AS binding, min(binding) <> max(binding) AS mixed,
    sum((new = 'PENDING') - (old = 'PENDING')) AS pending,
    sum((new = 'PROCESSING') - (old = 'PROCESSING')) AS processing,
    sum((new = 'RETRY_PENDING') - (old = 'RETRY_PENDING')) AS retry_pending,
    sum((new = 'COMPLETED') - (old = 'COMPLETED')) AS completed,
    sum((new = 'FAILED') - (old = 'FAILED')) AS failed,
    sum((new = 'CANCELLED') - (old = 'CANCELLED')) AS cancelled,
    count(*) AS changes,
    count(*) FILTER (WHERE outcome = 'completed') AS completions,
    count(*) FILTER (WHERE outcome = 'failed') AS failures,
    count(*) FILTER (WHERE outcome = 'failed' AND new = 'RETRY_PENDING') AS retries,
    count(*) FILTER (WHERE new = 'CANCELLED') AS cancellations,
    count(*) FILTER (WHERE outcome = 'crashed') AS crashes,
    count(ran) AS runs,
    coalesce(sum(ran), 0) AS run_ms,
    group_concat(
      ',' || CASE WHEN ran > 0 THEN CAST(ceil(4 * log2(ran)) AS INTEGER) WHEN ran = 0 THEN -1 END || ';',
      ''
    ) AS marks
  FROM change
),
part AS (
  SELECT binding,
    sum((new = 'PENDING') - (old = 'PENDING')) AS pending,
    sum((new = 'PROCESSING') - (old = 'PROCESSING')) AS processing,
    sum((new = 'RETRY_PENDING') - (old = 'RETRY_PENDING')) AS retry_pending,
    sum((new = 'COMPLETED') - (old = 'COMPLETED')) AS completed,
    sum((new = 'FAILED') - (old = 'FAILED')) AS failed,
    sum((new = 'CANCELLED') - (old = 'CANCELLED')) AS cancelled,
    count(*) AS changes,
    count(*) FILTER (WHERE outcome = 'completed') AS completions,
    count(*) FILTER (WHERE outcome = 'failed') AS failures,
    count(*) FILTER (WHERE outcome = 'failed' AND new = 'RETRY_PENDING') AS retries,
    count(*) FILTER (WHERE new = 'CANCELLED') AS cancellations,
    count(*) FILTER (WHERE outcome = 'crashed') AS crashes,
    count(ran) AS runs,
    coalesce(sum(ran), 0) AS run_ms,
    group_concat(
      ',' || CASE WHEN ran > 0 THEN CAST(ceil(4 * log2(ran)) AS INTEGER) WHEN ran = 0 THEN -1 END || ';',
      ''
    ) AS marks
  FROM change WHERE (SELECT mixed FROM total)
  GROUP BY binding
  UNION ALL
  SELECT binding, pending, processing, retry_pending, completed, failed, cancelled, changes,
    completions, failures, retries, cancellations, crashes, runs, run_ms, marks
  FROM total WHERE changes > 0 AND NOT mixed
)
INSERT INTO stat (span_ms, at_ms, binding, pending, processing, retry_pending, completed, failed,
  cancelled, changes, completions, failures, retries, cancellations, crashes, runs, run_ms, run_buckets,
  last_ms)
SELECT 60000, now - now % 60000, binding, pending, processing, retry_pending, completed, failed,
  cancelled, changes, completions, failures, retries, cancellations, crashes, runs, run_ms,
  histogram(marks), now
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
  run_buckets = CASE excluded.run_buckets WHEN '{}' THEN run_buckets ELSE (
    SELECT json_group_object(key, number) FROM (
      SELECT key, sum(value) AS number FROM (
        SELECT key, value FROM json_each(stat.run_buckets)
        UNION ALL SELECT key, value FROM json_each(excluded.run_buckets)
      ) GROUP BY key
    )
  ) END,
  last_ms = excluded.last_ms
