-- Record progress of attempts that still run. ?2: [[job_id, attempt, [fraction, message]], ...]
UPDATE job SET
  progress = report.value -> 2,
  updated_ms = coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
FROM json_each(?2) AS report
WHERE job.id = report.value ->> 0 AND attempts = report.value ->> 1 AND status = 'PROCESSING'
RETURNING id, attempts
