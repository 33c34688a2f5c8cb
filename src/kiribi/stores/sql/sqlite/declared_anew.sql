-- Declared schedules whose definition no live worker has any more, with what others have instead,
-- the youngest worker last.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT schedule.name, schedule.definition, next_ms, paused, declared, last_tick_ms, last_job,
  (SELECT status FROM job WHERE id = last_job) AS last_status, created_ms,
  declaration.definition AS becomes
FROM clock CROSS JOIN worker
  CROSS JOIN declaration ON declaration.worker = worker.id
  CROSS JOIN schedule ON schedule.name = declaration.name
WHERE declared = 1 AND declaration.definition <> schedule.definition
  AND dead_reason IS NULL AND lease_until > now
  AND NOT EXISTS (
    SELECT 1 FROM declaration AS same CROSS JOIN worker AS its ON its.id = same.worker
    WHERE same.name = schedule.name AND same.definition = schedule.definition
      AND its.dead_reason IS NULL AND its.lease_until > now
  )
ORDER BY declaration.name, declaration.worker
