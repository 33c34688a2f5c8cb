-- Append those lines that `append_log` has not: its answer was lost, and it may have been carried out.
-- ?2: as there
INSERT INTO log (job_id, seq, attempt, at_ms, level, message)
SELECT job.id,
  coalesce((SELECT max(seq) FROM log WHERE job_id = job.id), 0)
    + row_number() OVER (PARTITION BY job.id ORDER BY line.key),
  line.value ->> 1, line.value ->> 2, line.value ->> 3, line.value ->> 4
FROM json_each(?2) AS line JOIN job ON job.id = line.value ->> 0
WHERE NOT EXISTS (
  SELECT 1 FROM log
  WHERE job_id = job.id AND attempt = line.value ->> 1 AND at_ms = line.value ->> 2
    AND level = line.value ->> 3 AND message = line.value ->> 4
)
