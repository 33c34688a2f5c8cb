-- The shelves all of whose jobs are outlived, and those of past days that hold none; the oldest first.
-- $2: {status: milliseconds kept}
SELECT number FROM (
  SELECT number, $2::jsonb AS kept,
    coalesce($1::bigint, kiribi.now_ms()) - (number / 2 + 1) * 86400000::bigint AS ago
  FROM kiribi.shelves() AS number
) AS shelf
WHERE CASE WHEN number % 2 = 0 THEN ago >= (kept ->> 'COMPLETED')::bigint
    ELSE ago >= (kept ->> 'FAILED')::bigint AND ago >= (kept ->> 'CANCELLED')::bigint END
  OR ago > 86400000 AND pg_relation_size(to_regclass(format('kiribi.%I', 'job_ended_' || number))) = 0
ORDER BY number
