-- Let holders that wait take the due time of the last duplicate, and the content of the last that
-- replaces (replaces = 1); count that, and tell their keys' lanes.
-- $2: [[id, binding, key, replaces, payload or null, options, priority, delay_ms, at_ms], ...]
-- $3: look for the ids: they were chosen, or tried before; those that are there are no duplicates.
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
duplicate AS (
  SELECT job_id, place, (one ->> 3)::integer = 1 AS replaces, one ->> 4 AS payload, one ->> 5 AS options,
    coalesce((one ->> 6)::integer, priority, 0) AS priority,
    coalesce((one ->> 8)::bigint, now + coalesce((one ->> 7)::bigint, 0)) AS due
  FROM clock, jsonb_array_elements($2::jsonb) WITH ORDINALITY AS asked (one, place)
  JOIN kiribi.holder ON holder.binding = one ->> 1 AND holder.key = one ->> 2 AND job_id <> one ->> 0
  LEFT JOIN kiribi.binding AS known ON name = one ->> 1
  WHERE NOT $3::boolean OR NOT EXISTS (SELECT 1 FROM kiribi.job WHERE job.id = one ->> 0)
),
change AS (SELECT DISTINCT ON (job_id) job_id, due FROM duplicate ORDER BY job_id, place DESC),
content AS (
  SELECT DISTINCT ON (job_id) job_id, payload, options, priority, true AS replaces
  FROM duplicate WHERE replaces ORDER BY job_id, place DESC
),
changed AS (
  UPDATE kiribi.job_open AS job SET
    due = change.due,
    rank = change.due - CASE WHEN replaces THEN content.priority ELSE job.priority END * 60000,
    updated_ms = now,
    payload = CASE WHEN replaces THEN content.payload ELSE job.payload END,
    options = CASE WHEN replaces THEN content.options ELSE job.options END,
    priority = CASE WHEN replaces THEN content.priority ELSE job.priority END,
    status = CASE WHEN replaces THEN 'PENDING' ELSE job.status END,
    failures = CASE WHEN replaces THEN 0 ELSE job.failures END,
    crashes = CASE WHEN replaces THEN 0 ELSE job.crashes END,
    error = CASE WHEN NOT coalesce(replaces, false) THEN job.error END
  FROM clock, change
  JOIN kiribi.job_open AS was ON was.id = change.job_id
  LEFT JOIN content ON content.job_id = change.job_id
  WHERE job.id = change.job_id AND job.status IN ('PENDING', 'RETRY_PENDING')
  RETURNING job.binding, job.key, replaces AND was.status = 'RETRY_PENDING' AS again
),
counted AS (
  INSERT INTO kiribi.tally (at_ms, binding, pending, retry_pending, changes)
  SELECT now - now % 60000, binding, nullif(count(*) FILTER (WHERE again), 0),
    nullif(-count(*) FILTER (WHERE again), 0), count(*)
  FROM changed, clock GROUP BY now, binding
)
INSERT INTO kiribi.lane_event (binding, key)
SELECT DISTINCT binding, key FROM changed WHERE key IS NOT NULL
