-- Append to the logs of jobs that exist. ?2: [[job_id, attempt, at_ms, level, message], ...]
INSERT INTO log (job_id, seq, attempt, at_ms, level, message)
SELECT job.id,
  coalesce((SELECT max(seq) FROM log WHERE job_id = job.id), 0)
    + row_number() OVER (PARTITION BY job.id ORDER BY line.key),
  line.value ->> 1, line.value ->> 2, line.value ->> 3, line.value ->> 4
FROM json_each(?2) AS line JOIN job ON job.id = line.value ->> 0
