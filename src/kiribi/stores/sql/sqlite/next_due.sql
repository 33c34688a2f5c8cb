-- Milliseconds until a job of unpaused bindings can be claimed; NULL: not within the next second.
-- ?2: bindings
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
head AS MATERIALIZED (
  SELECT coalesce(opens_ms, 0) AS opens_ms, now,
    (
      SELECT min(due) FROM (
        SELECT due FROM job
        WHERE open = 1 AND binding = served.value AND key IS NULL AND rank <= now + 1000
          AND due <= now + 1000 AND status IN ('PENDING', 'RETRY_PENDING')
        ORDER BY rank LIMIT 20
      )
    ) AS due,
    (
      SELECT min(turn) FROM lane WHERE lane.binding = served.value AND turn <= now + 1000
    ) AS turn
  FROM clock, json_each(?2) AS served LEFT JOIN gate ON name = served.value
  WHERE paused IS NOT 1 AND slots IS NOT 0
)
SELECT min(max(0, opens_ms - now, coalesce(min(due, turn), due, turn) - now))
FROM head WHERE opens_ms <= now + 1000
