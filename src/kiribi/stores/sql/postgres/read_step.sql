-- A stored step. $2: job_id, $3: name
SELECT value FROM kiribi.step WHERE job_id = $2::text AND name = $3::text
