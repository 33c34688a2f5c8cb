-- Some of the jobs that a held job waits for, the earliest first: id, status, how many there are.
-- $2: job_id, $3: how many to show
SELECT on_id, coalesce((SELECT status FROM kiribi.job WHERE id = on_id), outcome, 'DELETED'), number
FROM (
  SELECT on_id, outcome, count(*) OVER () AS number FROM kiribi.dependency
  WHERE job_id = $2::text AND (
    outcome IS NULL OR outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'wait'
  )
  ORDER BY on_id LIMIT $3::bigint
) AS shown
ORDER BY on_id
