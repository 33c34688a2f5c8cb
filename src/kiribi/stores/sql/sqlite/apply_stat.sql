-- Count the changes about to be carried out.
-- ?2: [[id, expected, attempts, status, failures, crashes, delay_ms, outcome, result, error, cancel], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
change AS MATERIALIZED (
  SELECT binding, job.status AS old, outcome,
    CASE WHEN NOT (goes_on AND cancel_requested) THEN new
      WHEN outcome = 'failed' THEN 'FAILED' ELSE 'CANCELLED' END AS new,
    CASE WHEN outcome <> 'crashed' THEN max(0, now - started_ms) END AS ran
  FROM (
    SELECT value ->> 0 AS id, value ->> 1 AS expected, value ->> 2 AS attempts,
      value ->> 3 AS new, value ->> 7 AS outcome,
      value ->> 1 = 'PROCESSING' AND value ->> 3 IN ('PENDING', 'RETRY_PENDING') AS goes_on
    FROM json_each(?2)
  ) AS asked, clock
  CROSS JOIN job
    ON job.id = asked.id AND job.status = asked.expected AND job.attempts = asked.attempts
)
INSERT INTO stat (span_ms, at_ms, binding, pending, processing, retry_pending, completed, failed,
  cancelled, changes, completions, failures, retries, cancellations, crashes, runs, run_ms,
  last_ms)
SELECT 60000, now - now % 60000, binding,
  sum((new = 'PENDING') - (old = 'PENDING')),
  sum((new = 'PROCESSING') - (old = 'PROCESSING')),
  sum((new = 'RETRY_PENDING') - (old = 'RETRY_PENDING')),
  sum((new = 'COMPLETED') - (old = 'COMPLETED')),
  sum((new = 'FAILED') - (old = 'FAILED')),
  sum((new = 'CANCELLED') - (old = 'CANCELLED')),
  count(*),
  count(*) FILTER (WHERE outcome = 'completed'),
  count(*) FILTER (WHERE outcome = 'failed'),
  count(*) FILTER (WHERE outcome = 'failed' AND new = 'RETRY_PENDING'),
  count(*) FILTER (WHERE new = 'CANCELLED'),
  count(*) FILTER (WHERE outcome = 'crashed'),
  count(ran),
  coalesce(sum(ran), 0),
  now
FROM change, clock
GROUP BY binding
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
  last_ms = excluded.last_ms
