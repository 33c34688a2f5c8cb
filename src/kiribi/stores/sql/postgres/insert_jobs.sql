-- Store new jobs, count them and tell their keys' lanes; an id that exists stays as it is.
-- Answers the time, and the priorities that jobs of these bindings are given by default.
-- $2 to $9: id, binding, payload or null, options, priority, delay_ms, at_ms, concurrency_key of each.
-- $10: bindings
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
stored AS (
  INSERT INTO kiribi.job_open
    (id, binding, status, rank, due, priority, updated_ms, payload, options, key)
  SELECT id, binding, 'PENDING', due - priority * 60000, due, priority, now, payload, options, key
  FROM (
    SELECT new.id, new.binding, new.payload, new.options, new.key, now,
      coalesce(new.priority, binding.priority, 0) AS priority,
      coalesce(new.at_ms, now + coalesce(new.delay_ms, 0)) AS due
    FROM unnest(
      $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::bigint[],
      $9::text[]
    ) AS new (id, binding, payload, options, priority, delay_ms, at_ms, key)
    CROSS JOIN clock LEFT JOIN kiribi.binding ON binding.name = new.binding
  ) AS new
  WHERE NOT EXISTS (SELECT 1 FROM kiribi.job WHERE job.id = new.id) -- again
  ON CONFLICT DO NOTHING
  RETURNING binding, key
),
counted AS (
  INSERT INTO kiribi.tally (at_ms, binding, pending, enqueued, changes)
  SELECT now - now % 60000, binding, count(*), count(*), count(*)
  FROM stored, clock GROUP BY now, binding
),
told AS (
  INSERT INTO kiribi.lane_event (binding, key)
  SELECT DISTINCT binding, key FROM stored WHERE key IS NOT NULL
)
SELECT now, name, priority FROM clock
LEFT JOIN kiribi.binding ON name IN (SELECT jsonb_array_elements_text($10::jsonb))
