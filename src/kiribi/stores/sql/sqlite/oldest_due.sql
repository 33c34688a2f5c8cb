-- Since when the longest-waiting due job waits, of the best ten of each unpaused binding and of
-- its first ten keys in turn.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT min(due) FROM (
  SELECT due FROM binding, clock CROSS JOIN job
  WHERE paused = 0 AND job.id IN (
    SELECT id FROM job AS waiting
    WHERE open = 1 AND binding = binding.name AND key IS NULL AND rank <= now
      AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
    ORDER BY rank LIMIT 10
  )
  UNION ALL
  SELECT (
    SELECT min(due) FROM job
    WHERE open = 1 AND job.binding = lane.binding AND job.key = lane.key
  )
  FROM binding CROSS JOIN clock CROSS JOIN lane ON lane.binding = name AND lane.key IN (
    SELECT key FROM lane AS next
    WHERE next.binding = name AND next.turn <= now ORDER BY next.turn LIMIT 10
  )
  WHERE paused = 0
)
