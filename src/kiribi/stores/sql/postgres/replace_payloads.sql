-- Store the payloads of replaced jobs that are too long for the row.
-- $2: [[id, binding, key, body], ...]: of the last duplicates, see change_holders.
-- $3: look for the ids: they were chosen, or tried before; those that are there are no duplicates.
INSERT INTO kiribi.payload (job_id, body)
SELECT DISTINCT ON (holder.job_id) holder.job_id, one ->> 3
FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS asked (one, place)
JOIN kiribi.holder ON holder.binding = one ->> 1 AND holder.key = one ->> 2 AND holder.job_id <> one ->> 0
JOIN kiribi.job_open AS job ON job.id = holder.job_id AND status = 'PENDING' AND job.payload IS NULL
WHERE NOT $3::boolean OR NOT EXISTS (SELECT 1 FROM kiribi.job AS stored WHERE stored.id = one ->> 0)
ORDER BY holder.job_id, place DESC
ON CONFLICT (job_id) DO UPDATE SET body = excluded.body
