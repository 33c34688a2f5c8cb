-- Milliseconds until a job of unpaused bindings can be claimed; NULL: not within the next second.
-- ?2: bindings
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT min((
    SELECT max(0, min(due) - now) FROM (
      SELECT due FROM job
      WHERE open = 1 AND binding = served.value AND rank <= now + 1000
        AND due <= now + 1000 AND status IN ('PENDING', 'RETRY_PENDING')
      ORDER BY rank LIMIT 20
    )
  ))
FROM json_each(?2) AS served, clock
WHERE NOT EXISTS (SELECT 1 FROM binding WHERE name = served.value AND paused = 1)
