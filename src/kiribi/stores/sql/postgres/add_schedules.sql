-- Add schedules, unless their names are taken.
-- $2: [[name, definition, next_ms, paused, declared, last_tick_ms, last_job], ...]
INSERT INTO kiribi.schedule
  (name, definition, next_ms, paused, declared, last_tick_ms, last_job, created_ms)
SELECT one ->> 0, one ->> 1, (one ->> 2)::bigint, (one ->> 3)::boolean, (one ->> 4)::boolean,
  (one ->> 5)::bigint, one ->> 6, coalesce($1::bigint, kiribi.now_ms())
FROM jsonb_array_elements($2::jsonb) AS one ORDER BY 1
ON CONFLICT DO NOTHING
