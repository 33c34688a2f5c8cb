-- A stored step. ?2: job_id, ?3: name
SELECT value FROM step WHERE job_id = ?2 AND name = ?3
