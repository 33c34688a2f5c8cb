-- Count failures by cause, of changes about to be carried out.
-- ?2: [[id, holder, attempts, [type, message, traceback, fingerprint, origin, ...]], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO failure (
  fingerprint, binding, type, origin, message, job_id, number, first_ms, last_ms
)
SELECT value ->> '$[3][3]' AS cause, binding, value ->> '$[3][0]', value ->> '$[3][4]',
  substr(value ->> '$[3][1]', 1, 500), max(job.id), count(*), now, now
FROM json_each(?2) AS change, clock CROSS JOIN job
  ON job.id = value ->> 0 AND coalesce(worker, job.status) = value ->> 1 AND job.attempts = value ->> 2
GROUP BY cause
ON CONFLICT DO UPDATE SET
  type = excluded.type,
  message = excluded.message,
  job_id = excluded.job_id,
  number = number + excluded.number,
  last_ms = excluded.last_ms
