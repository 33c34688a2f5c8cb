-- Take the jobs noted down. ?2: worker, ?3: pool, ?4: token of this claim.
-- A repeated batch finds them taken by itself, and answers the same.
UPDATE job SET
  status = 'PROCESSING',
  attempts = attempts + (status <> 'PROCESSING'),
  worker = ?2,
  started_ms = coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  finished_ms = NULL,
  updated_ms = coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  progress = NULL
FROM json_each((SELECT fresh FROM claim WHERE worker = ?2 AND pool = ?3 AND token = ?4)) AS taken
WHERE job.id = taken.value
  AND (status IN ('PENDING', 'RETRY_PENDING') OR (status = 'PROCESSING' AND worker = ?2))
RETURNING id, binding, status,
  coalesce(payload, (SELECT body FROM payload WHERE job_id = job.id)),
  options, priority, attempts, failures, crashes, due, updated_ms, started_ms, finished_ms, worker,
  cancel_requested, result, error, progress, NULL
