-- A job's log lines after a sequence number, oldest first. ?2: job_id, ?3: after, ?4: limit
SELECT seq, attempt, at_ms, level, message FROM log
WHERE job_id = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4
