-- Store one new job, as `insert_jobs` does; nothing is answered if its id exists.
-- $2: id, $3: binding, $4: payload, $5: options, $6: priority, $7: delay_ms, $8: at_ms,
-- $9: concurrency_key
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
stored AS (
  INSERT INTO kiribi.job_open
    (id, binding, status, rank, due, priority, updated_ms, payload, options, key)
  SELECT $2::text, $3::text, 'PENDING', due - priority * 60000, due, priority, now, $4::text, $5::text,
    $9::text
  FROM (
    SELECT now, coalesce($8::bigint, now + $7::bigint) AS due,
      coalesce($6::integer, (SELECT priority FROM kiribi.binding WHERE name = $3), 0) AS priority
    FROM clock
  ) AS new
  WHERE NOT EXISTS (SELECT 1 FROM kiribi.job WHERE job.id = $2) -- again
  ON CONFLICT DO NOTHING
  RETURNING updated_ms, due, priority
),
counted AS (
  INSERT INTO kiribi.tally (at_ms, binding, pending, enqueued, changes)
  SELECT updated_ms - updated_ms % 60000, $3, 1, 1, 1 FROM stored
),
told AS (
  INSERT INTO kiribi.lane_event (binding, key) SELECT $3, $9 FROM stored WHERE $9 IS NOT NULL
)
SELECT updated_ms, due, priority FROM stored
