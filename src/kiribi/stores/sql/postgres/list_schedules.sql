-- Schedules by name. $2: only those after this name, $3: how many
SELECT schedule.name, schedule.definition, next_ms, paused, declared, last_tick_ms, last_job,
  (SELECT status FROM kiribi.job WHERE id = last_job LIMIT 1) AS last_status, created_ms
FROM kiribi.schedule WHERE name > $2::text ORDER BY name LIMIT $3::bigint
