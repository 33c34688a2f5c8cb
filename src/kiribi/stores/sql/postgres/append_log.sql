-- Append to the logs of jobs that exist: see the function.
-- $2: [[job_id, attempt, at_ms, level, message], ...]
SELECT kiribi.append_log($2, false)
