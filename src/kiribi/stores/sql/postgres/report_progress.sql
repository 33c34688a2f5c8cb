-- Record progress of attempts that still run. $2: [[job_id, attempt, [fraction, message]], ...]
UPDATE kiribi.job SET progress = report.part[3]::text, updated_ms = coalesce($1::bigint, kiribi.now_ms())
FROM (
  -- taken apart so, a message may hold what jsonb refuses
  SELECT ARRAY(SELECT json_array_elements(one)) AS part FROM json_array_elements($2::json) AS one
) AS report
WHERE job.shelf = 0 AND job.id = report.part[1] #>> '{}' AND attempts = (report.part[2] #>> '{}')::integer
  AND status = 'PROCESSING'
RETURNING id, attempts
