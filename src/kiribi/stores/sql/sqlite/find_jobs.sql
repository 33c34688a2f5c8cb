-- Whole jobs. ?2: ids
SELECT job.id, binding, status, coalesce(payload, body), options, priority, attempts, failures, crashes,
  due, updated_ms, started_ms, finished_ms, worker, cancel_requested, result, error, progress, history
FROM json_each(?2) AS asked CROSS JOIN job ON job.id = asked.value
LEFT JOIN payload ON job_id = job.id
