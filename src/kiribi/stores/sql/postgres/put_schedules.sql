-- Add or change schedules.
-- $2: [[name, definition, next_ms, paused, declared, last_tick_ms, last_job], ...]
INSERT INTO kiribi.schedule
  (name, definition, next_ms, paused, declared, last_tick_ms, last_job, created_ms)
SELECT one ->> 0, one ->> 1, (one ->> 2)::bigint, (one ->> 3)::boolean, (one ->> 4)::boolean,
  (one ->> 5)::bigint, one ->> 6, coalesce($1::bigint, kiribi.now_ms())
FROM jsonb_array_elements($2::jsonb) AS one ORDER BY 1
ON CONFLICT (name) DO UPDATE SET
  definition = excluded.definition, next_ms = excluded.next_ms, paused = excluded.paused,
  declared = excluded.declared, last_tick_ms = excluded.last_tick_ms, last_job = excluded.last_job
