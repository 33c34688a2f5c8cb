-- The keys of unique jobs, in which statuses and until when they hold them, and who does now, until
-- when. $2: ids
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms()))
SELECT job.id, job.unique_key, job.unique_states, job.unique_until, holding.job_id, holding.until_ms
FROM clock CROSS JOIN kiribi.job LEFT JOIN kiribi.holding
  ON holding.binding = job.binding AND holding.key = job.unique_key
    AND (holding.until_ms IS NULL OR holding.until_ms > now)
WHERE job.id = ANY (kiribi.texts($2::text)) AND job.unique_key IS NOT NULL
  AND (job.unique_until IS NULL OR job.unique_until > now)
