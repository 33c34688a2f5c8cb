-- What a job waits for or waited for: how many stand how. ?2: job_id
SELECT coalesce(job.status, outcome, 'DELETED') AS stands, count(*)
FROM dependency LEFT JOIN job ON job.id = on_id
WHERE job_id = ?2 GROUP BY stands
