-- Add statistics of a span, those before a time, to those of a longer one.
-- ?2: span_ms, ?3: before, ?4: the longer span_ms
WITH old AS (
  SELECT at_ms - at_ms % ?4 AS start, * FROM stat WHERE span_ms = ?2 AND at_ms < ?3
),
waited AS (
  SELECT start, binding, json_group_object(key, number) AS buckets FROM (
    SELECT start, binding, key, sum(value) AS number FROM old, json_each(wait_buckets)
    GROUP BY start, binding, key
  ) GROUP BY start, binding
),
ran AS (
  SELECT start, binding, json_group_object(key, number) AS buckets FROM (
    SELECT start, binding, key, sum(value) AS number FROM old, json_each(run_buckets)
    GROUP BY start, binding, key
  ) GROUP BY start, binding
)
INSERT INTO stat (span_ms, at_ms, binding, enqueued, completions, failures, retries, cancellations,
  crashes, waits, wait_ms, runs, run_ms, wait_buckets, run_buckets)
SELECT ?4, start, binding, sum(enqueued), sum(completions), sum(failures), sum(retries),
  sum(cancellations), sum(crashes), sum(waits), sum(wait_ms), sum(runs), sum(run_ms),
  coalesce(waited.buckets, '{}'), coalesce(ran.buckets, '{}')
FROM old LEFT JOIN waited USING (start, binding) LEFT JOIN ran USING (start, binding)
GROUP BY start, binding
ON CONFLICT DO UPDATE SET
  enqueued = enqueued + excluded.enqueued,
  completions = completions + excluded.completions,
  failures = failures + excluded.failures,
  retries = retries + excluded.retries,
  cancellations = cancellations + excluded.cancellations,
  crashes = crashes + excluded.crashes,
  waits = waits + excluded.waits,
  wait_ms = wait_ms + excluded.wait_ms,
  runs = runs + excluded.runs,
  run_ms = run_ms + excluded.run_ms,
  wait_buckets = (
    SELECT json_group_object(key, number) FROM (
      SELECT key, sum(value) AS number FROM (
        SELECT key, value FROM json_each(stat.wait_buckets)
        UNION ALL SELECT key, value FROM json_each(excluded.wait_buckets)
      ) GROUP BY key
    )
  ),
  run_buckets = (
    SELECT json_group_object(key, number) FROM (
      SELECT key, sum(value) AS number FROM (
        SELECT key, value FROM json_each(stat.run_buckets)
        UNION ALL SELECT key, value FROM json_each(excluded.run_buckets)
      ) GROUP BY key
    )
  )
