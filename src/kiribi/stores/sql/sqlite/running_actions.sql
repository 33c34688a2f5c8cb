-- Actions to carry out, the oldest first, and whether they may be taken. ?2: how many
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT id, kind, filter, who, status, matched, done, skipped, failed, reason, created_ms, updated_ms,
  finished_ms, step, before, missed, tries,
  lease_until <= now AS free
FROM clock CROSS JOIN action WHERE status = 'RUNNING' ORDER BY id LIMIT ?2
