-- The jobs a worker runs, from what it noted down, never from the backlog. $2: worker
SELECT job.id, binding, status, coalesce(payload, body), options, priority, attempts, failures, crashes,
  due, updated_ms, started_ms, finished_ms, worker, cancel_requested, result, error, progress, history
FROM kiribi.job LEFT JOIN kiribi.payload ON payload IS NULL AND job_id = job.id
WHERE shelf = 0 AND status = 'PROCESSING' AND worker = $2::text
  AND job.id = ANY (ARRAY(
    SELECT DISTINCT unnest(held || fresh) FROM kiribi.claim WHERE claim.worker = $2
  ))
