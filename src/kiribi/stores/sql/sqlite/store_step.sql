-- Store a step's value, once, while the attempt runs; the same value again is no harm.
-- ?2: job_id, ?3: attempt, ?4: name, ?5: value, ?6: its worker
INSERT INTO step (job_id, name, value)
SELECT id, ?4, ?5 FROM job WHERE id = ?2 AND attempts = ?3 AND worker = ?6
ON CONFLICT DO UPDATE SET value = excluded.value WHERE value = excluded.value
RETURNING job_id
