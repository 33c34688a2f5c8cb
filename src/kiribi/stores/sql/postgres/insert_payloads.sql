-- Store payloads too long for the job's row, of jobs that were stored. $2: [[job_id, body], ...]
INSERT INTO kiribi.payload (job_id, body)
SELECT asked ->> 0, asked ->> 1 FROM jsonb_array_elements($2::jsonb) AS asked
WHERE EXISTS (SELECT 1 FROM kiribi.job WHERE job.id = asked ->> 0)
ON CONFLICT DO NOTHING
