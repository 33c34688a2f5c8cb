-- Abort the batch if new jobs wait for one that does not exist. ?2: [job_id, ...]
INSERT INTO missing_job (id)
SELECT on_id FROM json_each(?2) AS new CROSS JOIN dependency ON job_id = new.value
WHERE outcome IS NULL AND NOT EXISTS (SELECT 1 FROM job WHERE id = on_id)
