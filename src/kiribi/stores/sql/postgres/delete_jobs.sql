-- Remove jobs that do not run, and all that belongs to them; count them and tell their keys' lanes.
-- $2: ids, $3: statuses
WITH gone AS (
  DELETE FROM kiribi.job
  -- an array of unknown length: of a known one the planner expects as many jobs on every shelf, and
  -- then reads whole tables for what belongs to them
  WHERE id = ANY (ARRAY(SELECT unnest(kiribi.texts($2)))) AND status = ANY (kiribi.texts($3)) AND status <> 'PROCESSING'
  RETURNING id, shelf, status, binding, key, unique_key, awaited
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
  INSERT INTO kiribi.tally (at_ms, binding, pending, retry_pending, completed, failed, cancelled, changes)
  SELECT now - now % 60000, binding,
    nullif(-count(*) FILTER (WHERE status = 'PENDING'), 0),
    nullif(-count(*) FILTER (WHERE status = 'RETRY_PENDING'), 0),
    nullif(-count(*) FILTER (WHERE status = 'COMPLETED'), 0),
    nullif(-count(*) FILTER (WHERE status = 'FAILED'), 0),
    nullif(-count(*) FILTER (WHERE status = 'CANCELLED'), 0), count(*)
  FROM gone, (SELECT coalesce($1::bigint, kiribi.now_ms())) AS clock (now) GROUP BY now, binding
),
told AS (
  INSERT INTO kiribi.lane_event (binding, key)
  SELECT DISTINCT binding, key FROM gone WHERE key IS NOT NULL AND shelf = 0
)
SELECT id, status, awaited FROM gone
