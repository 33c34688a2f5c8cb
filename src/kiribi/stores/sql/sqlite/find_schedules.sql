-- Some schedules. ?2: [name, ...]
SELECT schedule.name, schedule.definition, next_ms, paused, declared, last_tick_ms, last_job,
  (SELECT status FROM job WHERE id = last_job) AS last_status, created_ms
FROM schedule WHERE name IN (SELECT value FROM json_each(?2)) ORDER BY name
