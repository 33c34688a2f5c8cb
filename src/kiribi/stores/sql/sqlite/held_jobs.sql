-- The jobs a worker runs, from what it noted down, never from the backlog. ?2: worker
SELECT id, binding, status, coalesce(payload, body), options, priority, attempts, failures, crashes,
  due, updated_ms, started_ms, finished_ms, worker, cancel_requested, result, error, progress, history
FROM job LEFT JOIN payload ON job_id = job.id
WHERE id IN (
    SELECT value FROM claim, json_each(held) WHERE claim.worker = ?2
    UNION SELECT value FROM claim, json_each(fresh) WHERE claim.worker = ?2
  )
  AND status = 'PROCESSING' AND job.worker = ?2
