-- Who holds keys, whole. $2: [[binding, key, id], ...]
SELECT job.id, job.binding, status, coalesce(payload, body), options, priority, attempts, failures,
  crashes, due, updated_ms, started_ms, finished_ms, worker, cancel_requested, result, error, progress,
  history
FROM kiribi.job LEFT JOIN kiribi.payload ON payload.job_id = job.id
WHERE job.id = ANY (ARRAY(
  SELECT holder.job_id FROM jsonb_array_elements($2::jsonb) AS asked
  JOIN kiribi.holder ON holder.binding = asked ->> 0 AND holder.key = asked ->> 1
))
