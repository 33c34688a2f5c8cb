-- The jobs just taken: the last step of claim_jobs, whose parameters this takes.
WITH noted (ids) AS (SELECT fresh FROM claim WHERE worker = ?2 AND pool = ?3 AND token = ?4)
SELECT id, binding, status,
  coalesce(payload, (SELECT body FROM payload WHERE job_id = job.id)) AS payload,
  options, priority, attempts, failures, crashes, due, updated_ms, started_ms, finished_ms, worker,
  cancel_requested, result, error, progress, NULL AS history
FROM elements((SELECT ids FROM noted)) AS one CROSS JOIN job ON id = one.value
WHERE status = 'PROCESSING' AND worker = ?2
