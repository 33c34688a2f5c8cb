-- Count failures by cause, of changes about to be carried out; until then their jobs are locked.
-- $2: [[id, holder, attempts, [type, message, traceback, fingerprint, origin, ...]], ...]
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
change AS (
  SELECT one ->> 0 AS id, one ->> 1 AS holder, (one ->> 2)::integer AS attempts, one -> 3 AS error
  FROM jsonb_array_elements(kiribi.readable($2)) AS one
)
INSERT INTO kiribi.failure AS known (
  fingerprint, binding, type, origin, message, job_id, number, first_ms, last_ms
)
SELECT DISTINCT ON (cause) change.error ->> 3 AS cause, job.binding, change.error ->> 0,
  change.error ->> 4, left(change.error ->> 1, 500), job.id,
  count(*) OVER (PARTITION BY change.error ->> 3), now, now
FROM clock, change JOIN kiribi.job ON job.shelf = 0 AND job.id = change.id
  AND coalesce(job.worker, job.status) = change.holder AND job.attempts = change.attempts
ORDER BY cause, job.id DESC
ON CONFLICT (fingerprint) DO UPDATE SET
  type = excluded.type,
  message = excluded.message,
  job_id = excluded.job_id,
  number = known.number + excluded.number,
  last_ms = excluded.last_ms
