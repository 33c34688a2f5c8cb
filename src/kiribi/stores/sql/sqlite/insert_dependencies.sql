-- Note what new jobs wait for, and what of it has ended already.
-- ?2: [[job_id, if_failed, [on_id, ...]], ...]
INSERT INTO dependency (on_id, job_id, if_failed, outcome)
SELECT earlier.value, new.value ->> 0, new.value ->> 1,
  (SELECT status FROM job WHERE id = earlier.value AND open IS NULL)
FROM json_each(?2) AS new, json_each(new.value, '$[2]') AS earlier WHERE true
ON CONFLICT DO NOTHING
