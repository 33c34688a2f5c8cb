-- Let nobody else decide who holds these unique keys until the end; a key that has no row yet gets one,
-- of nobody. $2: [[binding, key, id], ...]
INSERT INTO kiribi.holder (binding, key, job_id)
SELECT DISTINCT (asked ->> 0) COLLATE "C", (asked ->> 1) COLLATE "C", ''
FROM jsonb_array_elements($2::jsonb) AS asked ORDER BY 1, 2
-- locks the row, and lets those know who do without: see insert_one_unique
ON CONFLICT (binding, key) DO UPDATE SET job_id = holder.job_id
