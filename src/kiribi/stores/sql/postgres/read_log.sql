-- A job's log lines after a sequence number, oldest first. $2: job_id, $3: after, $4: limit
SELECT seq, attempt, at_ms, level, message FROM kiribi.log
WHERE job_id = $2::text AND seq > $3::bigint ORDER BY seq LIMIT $4::bigint
