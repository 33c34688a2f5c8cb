-- Schedules by name. ?2: only those after this name, ?3: how many
SELECT schedule.name, schedule.definition, next_ms, paused, declared, last_tick_ms, last_job,
  (SELECT status FROM job WHERE id = last_job) AS last_status, created_ms
FROM schedule WHERE name > ?2 ORDER BY name LIMIT ?3
