-- Move statistics of a span, those older than a time, into those of a longer one, and what minutes say
-- of how many jobs there are into the totals: unless somebody else does.
-- $2: span_ms, $3: how long they are kept, $4: the longer span_ms
WITH mine AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended('kiribi.stat', 0)) AS mine
),
old AS (
  DELETE FROM kiribi.stat
  WHERE span_ms = $2::bigint AND at_ms < coalesce($1::bigint, kiribi.now_ms()) - $3::bigint
    AND (SELECT mine FROM mine)
  RETURNING *, at_ms - at_ms % $4::bigint AS start
),
waited AS (
  SELECT start, binding, json_object_agg(bucket, number)::text AS buckets FROM (
    SELECT start, binding, bucket, sum(value::bigint * times) AS number
    FROM (
      SELECT start, binding, wait_buckets, count(*) AS times FROM old WHERE wait_buckets <> '{}'
      GROUP BY start, binding, wait_buckets
    ) AS alike, json_each_text(wait_buckets::json) AS one (bucket, value)
    GROUP BY start, binding, bucket
  ) AS each GROUP BY start, binding
),
ran AS (
  SELECT start, binding, json_object_agg(bucket, number)::text AS buckets FROM (
    SELECT start, binding, bucket, sum(value::bigint * times) AS number
    FROM (
      SELECT start, binding, run_buckets, count(*) AS times FROM old WHERE run_buckets <> '{}'
      GROUP BY start, binding, run_buckets
    ) AS alike, json_each_text(run_buckets::json) AS one (bucket, value)
    GROUP BY start, binding, bucket
  ) AS each GROUP BY start, binding
)
INSERT INTO kiribi.stat AS known (span_ms, at_ms, binding,
  pending, processing, retry_pending, completed, failed, cancelled, changes, enqueued, completions,
  failures, retries, cancellations, crashes, waits, wait_ms, runs, run_ms,
  wait_buckets, run_buckets)
SELECT $4, start, binding,
  0, 0, 0, 0, 0, 0, 0, sum(enqueued), sum(completions), sum(failures), sum(retries),
  sum(cancellations), sum(crashes), sum(waits), sum(wait_ms), sum(runs), sum(run_ms),
  coalesce(waited.buckets, '{}'), coalesce(ran.buckets, '{}')
FROM old LEFT JOIN waited USING (start, binding) LEFT JOIN ran USING (start, binding)
GROUP BY start, binding, waited.buckets, ran.buckets
UNION ALL
SELECT 0, 0, binding,
  sum(pending), sum(processing), sum(retry_pending), sum(completed), sum(failed), sum(cancelled),
  sum(changes), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  '{}', '{}'
FROM old WHERE $2 = 60000 GROUP BY binding
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
