-- Note what new jobs wait for, and what of it has ended already. ?2: [[job_id, if_failed, on_id], ...]
INSERT INTO dependency (on_id, job_id, if_failed, outcome)
SELECT value ->> 2, value ->> 0, value ->> 1,
  (SELECT status FROM job WHERE id = value ->> 2 AND open IS NULL)
FROM json_each(?2) WHERE true
ON CONFLICT DO NOTHING
