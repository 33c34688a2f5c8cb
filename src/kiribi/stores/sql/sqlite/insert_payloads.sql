-- Store payloads too long for the job's row, of jobs that were stored. ?2: [[job_id, body], ...]
INSERT INTO payload (job_id, body)
SELECT value ->> 0, value ->> 1 FROM json_each(?2)
WHERE EXISTS (SELECT 1 FROM job WHERE job.id = value ->> 0)
ON CONFLICT DO NOTHING
