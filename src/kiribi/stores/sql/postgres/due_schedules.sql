-- Schedules due by now or within a second, the longest due first; of those declared in code only
-- what a live worker declares so. $2: how many
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms()))
SELECT schedule.name, schedule.definition, next_ms, paused, declared, last_tick_ms, last_job,
  (SELECT status FROM kiribi.job WHERE id = last_job LIMIT 1) AS last_status, created_ms
FROM clock CROSS JOIN kiribi.schedule
WHERE next_ms <= now + 1000
  AND (NOT declared OR EXISTS (
    SELECT 1 FROM kiribi.declaration JOIN kiribi.worker ON worker.id = declaration.worker
    WHERE declaration.name = schedule.name AND declaration.definition = schedule.definition
      AND dead_reason IS NULL AND lease_until > now
  ))
ORDER BY next_ms LIMIT $2::bigint
