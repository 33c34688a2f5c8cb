-- Others who hold the keys of jobs, whole. ?2: [[binding, key, id], ...]
SELECT job.id, job.binding, status, coalesce(payload, body), options, priority, attempts, failures,
  crashes, due, updated_ms, started_ms, finished_ms, worker, cancel_requested, result, error, progress,
  history
FROM json_each(?2) AS asked
CROSS JOIN job ON unique_held = 1 AND job.binding = asked.value ->> 0
  AND unique_key = asked.value ->> 1
LEFT JOIN payload ON payload.job_id = job.id
WHERE job.id <> asked.value ->> 2
