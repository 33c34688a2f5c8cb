-- What a job waits for or waited for: how many stand how. What is noted of ends is not looked up again.
-- $2: job_id
SELECT coalesce(
    (SELECT status FROM kiribi.job_open WHERE id = on_id),
    CASE WHEN outcome IN ('COMPLETED', 'FAILED', 'CANCELLED', 'DELETED') THEN outcome END,
    (SELECT status FROM kiribi.job WHERE id = on_id), outcome, 'DELETED'
  ) AS stands, count(*)
FROM kiribi.dependency WHERE job_id = $2::text GROUP BY stands
