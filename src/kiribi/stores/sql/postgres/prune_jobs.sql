-- Remove outlived jobs among the next so many that ended long enough ago, those after where the last
-- call stopped, at the end from the oldest again; unless somebody else does.
-- $2: {status: milliseconds kept}, $3: the least of these, $4: how many to read
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
mine AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended('kiribi.prune', 0)) AS mine
),
looked AS MATERIALIZED (
  SELECT job.id, shelf, status, finished_ms FROM kiribi.job
  WHERE (SELECT mine FROM mine)
    AND shelf > 0 AND shelf < (2 + 2 * (((SELECT now FROM clock) - $3::bigint) / 86400000))::integer
    AND id > (SELECT value FROM kiribi.meta WHERE meta.key = 'pruned')
    AND id < kiribi.id_bound((SELECT now FROM clock) - $3)
  ORDER BY id LIMIT $4::bigint
),
moved AS (
  UPDATE kiribi.meta SET value = last.id
  FROM (SELECT coalesce(max(id), '') AS id FROM looked) AS last
  WHERE meta.key = 'pruned' AND value <> last.id AND (SELECT mine FROM mine)
),
gone AS (
  DELETE FROM kiribi.job USING looked, clock
  WHERE job.shelf = looked.shelf AND job.id = looked.id
    AND looked.finished_ms < now - ($2::jsonb ->> looked.status)::bigint
  RETURNING job.id, job.status, job.binding, job.unique_key, job.awaited
),
payloads AS (DELETE FROM kiribi.payload USING gone WHERE job_id = gone.id),
logs AS (DELETE FROM kiribi.log USING gone WHERE job_id = gone.id),
steps AS (DELETE FROM kiribi.step USING gone WHERE job_id = gone.id),
waits AS (DELETE FROM kiribi.dependency USING gone WHERE job_id = gone.id),
keys AS (
  DELETE FROM kiribi.holder USING gone
  WHERE holder.binding = gone.binding AND holder.key = gone.unique_key AND job_id = gone.id
),
counted AS (
  INSERT INTO kiribi.tally (at_ms, binding, completed, failed, cancelled, changes)
  SELECT now - now % 60000, binding,
    nullif(-count(*) FILTER (WHERE status = 'COMPLETED'), 0),
    nullif(-count(*) FILTER (WHERE status = 'FAILED'), 0),
    nullif(-count(*) FILTER (WHERE status = 'CANCELLED'), 0), count(*)
  FROM gone, clock GROUP BY now, binding
)
SELECT id, status, awaited FROM gone
