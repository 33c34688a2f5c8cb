-- Add or change schedules.
-- ?2: [[name, definition, next_ms, paused, declared, last_tick_ms, last_job], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO schedule
  (name, definition, next_ms, paused, declared, last_tick_ms, last_job, created_ms)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, now
FROM json_each(?2), clock WHERE true
ON CONFLICT DO UPDATE SET
  definition = excluded.definition, next_ms = excluded.next_ms, paused = excluded.paused,
  declared = excluded.declared, last_tick_ms = excluded.last_tick_ms, last_job = excluded.last_job
