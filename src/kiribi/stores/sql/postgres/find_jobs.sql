-- Whole jobs. $2: ids
SELECT job.id, binding, status, coalesce(payload, body), options, priority, attempts, failures, crashes,
  due, updated_ms, started_ms, finished_ms, worker, cancel_requested, result, error, progress, history
FROM kiribi.job LEFT JOIN kiribi.payload ON job_id = job.id
WHERE job.id = ANY (kiribi.texts($2))
