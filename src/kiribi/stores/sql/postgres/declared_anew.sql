-- Declared schedules whose definition no live worker has any more, with what others have instead,
-- the youngest worker last.
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms()))
SELECT schedule.name, schedule.definition, next_ms, paused, declared, last_tick_ms, last_job,
  (SELECT status FROM kiribi.job WHERE id = last_job LIMIT 1) AS last_status, created_ms,
  declaration.definition AS becomes
FROM clock CROSS JOIN kiribi.worker
  JOIN kiribi.declaration ON declaration.worker = worker.id
  JOIN kiribi.schedule ON schedule.name = declaration.name
WHERE declared AND declaration.definition <> schedule.definition
  AND dead_reason IS NULL AND lease_until > now
  AND NOT EXISTS (
    SELECT 1 FROM kiribi.declaration AS same JOIN kiribi.worker AS its ON its.id = same.worker
    WHERE same.name = schedule.name AND same.definition = schedule.definition
      AND its.dead_reason IS NULL AND its.lease_until > now
  )
ORDER BY declaration.name, declaration.worker
