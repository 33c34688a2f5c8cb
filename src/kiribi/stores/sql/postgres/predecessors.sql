-- What a job waits for or waited for: how many stand how. What is noted of ends is not looked up again.
-- $2: job_id
SELECT CASE
    WHEN job.id IS NOT NULL THEN job.status
    WHEN outcome IN ('COMPLETED', 'FAILED', 'CANCELLED', 'DELETED') THEN outcome
    ELSE coalesce((SELECT status FROM kiribi.job AS ended WHERE ended.id = on_id), outcome, 'DELETED')
  END AS stands, count(*)
FROM kiribi.dependency LEFT JOIN kiribi.job_open AS job ON job.id = on_id
WHERE job_id = $2::text GROUP BY stands
