-- Let nobody else decide who holds the unique keys of these jobs until the end: see lock_keys.
-- $2: [id, ...]
INSERT INTO kiribi.holder (binding, key, job_id)
SELECT DISTINCT binding, unique_key, '' FROM kiribi.job
WHERE id = ANY (kiribi.texts($2::text)) AND unique_key IS NOT NULL
  AND (unique_until IS NULL OR unique_until > coalesce($1::bigint, kiribi.now_ms()))
ORDER BY 1, 2
ON CONFLICT (binding, key) DO UPDATE SET job_id = holder.job_id
