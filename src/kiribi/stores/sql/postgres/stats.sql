-- What became of jobs since a time, per binding and bucket of time.
-- $2: since, $3: bucket_ms; NULL: one bucket, $4: bindings; NULL: all
SELECT binding, coalesce(at_ms - at_ms % $3::bigint, $2::bigint) AS bucket, sum(enqueued)::bigint,
  sum(completions)::bigint, sum(failures)::bigint, sum(retries)::bigint, sum(cancellations)::bigint,
  sum(crashes)::bigint, sum(waits)::bigint, sum(wait_ms)::bigint, sum(runs)::bigint, sum(run_ms)::bigint,
  string_agg(wait_buckets, ','), string_agg(run_buckets, ',')
FROM kiribi.figure
WHERE span_ms IN (60000, 3600000, 86400000) AND at_ms >= $2
  AND ($4::text IS NULL OR binding = ANY (kiribi.texts($4)))
GROUP BY binding, bucket
ORDER BY bucket, binding
