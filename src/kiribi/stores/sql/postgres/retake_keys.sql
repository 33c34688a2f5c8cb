-- Give jobs to be retried their keys back, where these are free: one of each key, unless one of them has
-- it. $2: ids, whose keys are locked
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
asked AS (
  SELECT DISTINCT ON (job.binding, unique_key) job.id, job.binding, unique_key, unique_states
  FROM clock CROSS JOIN kiribi.job
  LEFT JOIN kiribi.holder
    ON holder.binding = job.binding AND holder.key = unique_key AND holder.job_id = job.id
  WHERE job.id = ANY (kiribi.texts($2::text)) AND unique_key IS NOT NULL
    AND (unique_until IS NULL OR unique_until > now)
  ORDER BY job.binding, unique_key, holder.job_id, job.id
)
UPDATE kiribi.holder SET job_id = asked.id, lasts = kiribi.lasts(unique_states)
FROM clock, asked
WHERE holder.binding = asked.binding AND holder.key = asked.unique_key
  AND NOT EXISTS (
    SELECT 1 FROM kiribi.holding
    WHERE holding.binding = asked.binding AND holding.key = asked.unique_key
      AND holding.job_id <> asked.id AND (until_ms IS NULL OR until_ms > now)
  )
