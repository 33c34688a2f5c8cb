-- Store one new unique job, as insert_unique does, but without a lock: if its key is free for certain,
-- and if its row is as this statement saw it, so that nobody has decided about it meanwhile. Otherwise
-- nothing is answered, and insert_unique decides.
-- $2: id, $3: binding, $4: payload, $5: options, $6: priority, $7: delay_ms, $8: at_ms, $9: key,
-- $10: states, $11: within_ms, $12: concurrency_key
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
seen AS (
  SELECT holder.xmin AS version, lasts
      OR kiribi.counts(waits.status, waits.unique_states, waits.unique_until, now) AS held
  FROM clock, kiribi.holder LEFT JOIN kiribi.job_open AS waits ON waits.id = job_id
  WHERE holder.binding = $3::text AND holder.key = $9::text
),
taken AS (
  INSERT INTO kiribi.holder (binding, key, job_id, lasts)
  SELECT $3, $9, $2::text, kiribi.lasts($10::text)
  WHERE NOT EXISTS (SELECT 1 FROM seen WHERE held)
    AND NOT EXISTS (SELECT 1 FROM kiribi.job WHERE job.id = $2) -- again
  ON CONFLICT (binding, key) DO UPDATE SET job_id = excluded.job_id, lasts = excluded.lasts
  WHERE holder.xmin = (SELECT version FROM seen)
  RETURNING job_id
),
stored AS (
  INSERT INTO kiribi.job_open (id, binding, status, rank, due, priority, updated_ms, payload, options, key,
    unique_key, unique_states, unique_until)
  SELECT job_id, $3, 'PENDING', due - priority * 60000, due, priority, now, $4::text, $5::text,
    $12::text, $9, $10, now + $11::bigint
  FROM taken, (
    SELECT now, coalesce($8::bigint, now + $7::bigint) AS due,
      coalesce($6::integer, (SELECT priority FROM kiribi.binding WHERE name = $3), 0) AS priority
    FROM clock
  ) AS new
  RETURNING updated_ms, due, priority
),
counted AS (
  INSERT INTO kiribi.tally (at_ms, binding, pending, enqueued, changes)
  SELECT updated_ms - updated_ms % 60000, $3, 1, 1, 1 FROM stored
),
told AS (
  INSERT INTO kiribi.lane_event (binding, key) SELECT $3, $12 FROM stored WHERE $12 IS NOT NULL
)
SELECT updated_ms, due, priority FROM stored
UNION ALL SELECT updated_ms, due, priority FROM kiribi.job WHERE job.id = $2 -- again
