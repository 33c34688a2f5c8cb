-- What became of jobs since a time, per binding and bucket of time.
-- ?2: since, ?3: bucket_ms; NULL: one bucket, ?4: bindings; NULL: all
SELECT binding, coalesce(at_ms - at_ms % ?3, ?2) AS bucket, sum(enqueued), sum(completions),
  sum(failures), sum(retries), sum(cancellations), sum(crashes), sum(waits), sum(wait_ms),
  sum(runs), sum(run_ms), group_concat(wait_buckets), group_concat(run_buckets)
FROM json_each('[60000, 3600000, 86400000]') AS span
CROSS JOIN stat ON span_ms = span.value AND at_ms >= ?2
WHERE ?4 IS NULL OR binding IN (SELECT value FROM json_each(?4))
GROUP BY binding, bucket
ORDER BY bucket, binding
