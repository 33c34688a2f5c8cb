-- Who holds keys and counts. $2: [[binding, key, id], ...]
SELECT asked ->> 2, job_id
FROM jsonb_array_elements($2::jsonb) AS asked
JOIN kiribi.holding ON holding.binding = asked ->> 0 AND holding.key = asked ->> 1
WHERE job_id <> asked ->> 2
  AND (until_ms IS NULL OR until_ms > coalesce($1::bigint, kiribi.now_ms()))
