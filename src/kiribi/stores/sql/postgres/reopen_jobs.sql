-- Carry out the changes that retry jobs, if these are still as expected: they come back from their shelf.
-- $2 to $13: as of apply_changes, of which this is the part for jobs that have ended (waits: 2).
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
change AS (
  SELECT change.*, now,
    CASE WHEN EXISTS (
      SELECT 1 FROM kiribi.dependency WHERE job_id = change.id AND dependency.outcome IS NULL
    ) THEN 253402300799999 ELSE now + delay_ms END AS due
  FROM clock, unnest(
    $2::text[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[], $8::bigint[],
    $9::text[], $10::text[], $11::text[], $12::boolean[], $13::integer[]
  ) AS change (
    id, holder, attempts, status, failures, crashes, delay_ms, outcome, result, error, cancel, waits
  )
  WHERE waits = 2
),
changed AS (
  UPDATE kiribi.job SET shelf = 0, status = change.status, due = change.due,
    rank = change.due - priority * 60000, failures = change.failures, crashes = change.crashes,
    cancel_requested = cancel, updated_ms = now, started_ms = NULL, finished_ms = NULL, worker = NULL,
    progress = NULL, error = change.error, result = NULL,
    awaited = EXISTS (SELECT 1 FROM kiribi.dependency WHERE on_id = change.id)
  FROM change
  WHERE job.shelf > 0 AND job.id = change.id AND job.status = holder AND job.attempts = change.attempts
    AND (unique_key IS NULL OR unique_until <= now OR EXISTS (
      SELECT 1 FROM kiribi.holder
      WHERE holder.binding = job.binding AND holder.key = unique_key AND holder.job_id = job.id
    ))
  RETURNING job.id, job.binding, job.key, job.awaited, holder AS old
),
total AS (
  INSERT INTO kiribi.tally (at_ms, binding, pending, completed, failed, cancelled, changes)
  SELECT now - now % 60000, binding, count(*), nullif(-count(*) FILTER (WHERE old = 'COMPLETED'), 0),
    nullif(-count(*) FILTER (WHERE old = 'FAILED'), 0),
    nullif(-count(*) FILTER (WHERE old = 'CANCELLED'), 0), count(*)
  FROM changed, clock GROUP BY now, binding
),
told AS (
  INSERT INTO kiribi.lane_event (binding, key)
  SELECT DISTINCT binding, key FROM changed WHERE key IS NOT NULL
)
SELECT id, 1 AS open, awaited,
  key IS NOT NULL AS limited, binding
FROM changed
