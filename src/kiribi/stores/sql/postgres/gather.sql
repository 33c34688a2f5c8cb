-- Gather what tallies say into the minutes of `stat`, unless somebody else does.
WITH mine AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended('kiribi.stat', 0)) AS mine
),
gone AS (DELETE FROM kiribi.tally WHERE (SELECT mine FROM mine) RETURNING *),
waited AS (
  SELECT at_ms, binding, json_object_agg(bucket, number)::text AS buckets FROM (
    SELECT at_ms, binding, bucket, sum(value::bigint) AS number
    FROM gone, json_each_text(wait_buckets::json) AS one (bucket, value) GROUP BY at_ms, binding, bucket
  ) AS each GROUP BY at_ms, binding
),
ran AS (
  SELECT at_ms, binding, json_object_agg(bucket, number)::text AS buckets FROM (
    SELECT at_ms, binding, bucket, sum(value::bigint) AS number
    FROM gone, json_each_text(run_buckets::json) AS one (bucket, value) GROUP BY at_ms, binding, bucket
  ) AS each GROUP BY at_ms, binding
)
INSERT INTO kiribi.stat AS known (span_ms, at_ms, binding,
  pending, processing, retry_pending, completed, failed, cancelled, changes, enqueued, completions,
  failures, retries, cancellations, crashes, waits, wait_ms, runs, run_ms,
  wait_buckets, run_buckets)
SELECT 60000, at_ms, binding,
  coalesce(sum(pending), 0), coalesce(sum(processing), 0), coalesce(sum(retry_pending), 0),
  coalesce(sum(completed), 0), coalesce(sum(failed), 0), coalesce(sum(cancelled), 0),
  coalesce(sum(changes), 0), coalesce(sum(enqueued), 0), coalesce(sum(completions), 0),
  coalesce(sum(failures), 0), coalesce(sum(retries), 0), coalesce(sum(cancellations), 0),
  coalesce(sum(crashes), 0), coalesce(sum(waits), 0), coalesce(sum(wait_ms), 0),
  coalesce(sum(runs), 0), coalesce(sum(run_ms), 0),
  coalesce(waited.buckets, '{}'), coalesce(ran.buckets, '{}')
FROM gone LEFT JOIN waited USING (at_ms, binding) LEFT JOIN ran USING (at_ms, binding)
GROUP BY at_ms, binding, waited.buckets, ran.buckets
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
