-- Some of the jobs that a held job waits for, the earliest first: id, status, how many there are.
-- ?2: job_id, ?3: how many to show
SELECT on_id, coalesce(job.status, outcome, 'DELETED'), count(*) OVER ()
FROM dependency LEFT JOIN job ON job.id = on_id
WHERE job_id = ?2 AND (
  outcome IS NULL OR outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'wait'
)
ORDER BY on_id LIMIT ?3
