-- Gather what tallies say into the minutes of `stat`, unless somebody else does.
WITH mine AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended('kiribi.stat', 0)) AS mine
),
gone AS (DELETE FROM kiribi.tally WHERE (SELECT mine FROM mine) RETURNING *),
waited AS (
  SELECT at_ms, binding, json_object_agg(bucket, number)::text AS buckets FROM (
    SELECT at_ms, binding, bucket, sum(value::bigint * times) AS number
    FROM (
      SELECT at_ms, binding, wait_buckets, count(*) AS times FROM gone WHERE wait_buckets <> '{}'
      GROUP BY at_ms, binding, wait_buckets
    ) AS alike, json_each_text(wait_buckets::json) AS one (bucket, value)
    GROUP BY at_ms, binding, bucket
  ) AS each GROUP BY at_ms, binding
),
ran AS (
  SELECT at_ms, binding, json_object_agg(bucket, number)::text AS buckets FROM (
    SELECT at_ms, binding, bucket, sum(value::bigint * times) AS number
    FROM (
      SELECT at_ms, binding, run_buckets, count(*) AS times FROM gone WHERE run_buckets <> '{}'
      GROUP BY at_ms, binding, run_buckets
    ) AS alike, json_each_text(run_buckets::json) AS one (bucket, value)
    GROUP BY at_ms, binding, bucket
  ) AS each GROUP BY at_ms, binding
),
summed AS (
  SELECT at_ms, binding,
    coalesce(sum(pending), 0) AS pending, coalesce(sum(processing), 0) AS processing,
    coalesce(sum(retry_pending), 0) AS retry_pending, coalesce(sum(completed), 0) AS completed,
    coalesce(sum(failed), 0) AS failed, coalesce(sum(cancelled), 0) AS cancelled,
    coalesce(sum(changes), 0) AS changes, coalesce(sum(enqueued), 0) AS enqueued,
    coalesce(sum(completions), 0) AS completions, coalesce(sum(failures), 0) AS failures,
    coalesce(sum(retries), 0) AS retries, coalesce(sum(cancellations), 0) AS cancellations,
    coalesce(sum(crashes), 0) AS crashes, coalesce(sum(waits), 0) AS waits,
    coalesce(sum(wait_ms), 0) AS wait_ms, coalesce(sum(runs), 0) AS runs,
    coalesce(sum(run_ms), 0) AS run_ms
  FROM gone GROUP BY at_ms, binding
)
INSERT INTO kiribi.stat AS known (span_ms, at_ms, binding,
  pending, processing, retry_pending, completed, failed, cancelled, changes, enqueued, completions,
  failures, retries, cancellations, crashes, waits, wait_ms, runs, run_ms,
  wait_buckets, run_buckets)
SELECT 60000, at_ms, binding,
  pending, processing, retry_pending, completed, failed, cancelled, changes, enqueued, completions,
  failures, retries, cancellations, crashes, waits, wait_ms, runs, run_ms,
  coalesce(waited.buckets, '{}'), coalesce(ran.buckets, '{}')
FROM summed LEFT JOIN waited USING (at_ms, binding) LEFT JOIN ran USING (at_ms, binding)
ON CONFLICT (span_ms, at_ms, binding) DO UPDATE SET
  pending = known.pending + excluded.pending,
  processing = known.processing + excluded.processing,
  retry_pending = known.retry_pending + excluded.retry_pending,
  completed = known.completed + excluded.completed,
  failed = known.failed + excluded.failed,
  cancelled = known.cancelled + excluded.cancelled,
  changes = known.changes + excluded.changes,
  enqueued = known.enqueued + excluded.enqueued,
  completions = known.completions + excluded.completions,
  failures = known.failures + excluded.failures,
  retries = known.retries + excluded.retries,
  cancellations = known.cancellations + excluded.cancellations,
  crashes = known.crashes + excluded.crashes,
  waits = known.waits + excluded.waits,
  wait_ms = known.wait_ms + excluded.wait_ms,
  runs = known.runs + excluded.runs,
  run_ms = known.run_ms + excluded.run_ms,
  wait_buckets = kiribi.both(known.wait_buckets, excluded.wait_buckets),
  run_buckets = kiribi.both(known.run_buckets, excluded.run_buckets)
