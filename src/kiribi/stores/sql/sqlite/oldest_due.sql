-- The longest-waiting due job, of the best ten of each unpaused binding and of its first ten keys
-- in turn: since when, and its id (a bare column beside min() is of the row of the minimum).
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT min(due), id FROM (
  SELECT due, job.id AS id FROM binding, clock CROSS JOIN job
  WHERE paused = 0 AND job.id IN (
    SELECT id FROM job AS waiting
    WHERE open = 1 AND binding = binding.name AND key IS NULL AND rank <= now
      AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
    ORDER BY rank LIMIT 10
  )
  UNION ALL
  SELECT due, job.id
  FROM binding CROSS JOIN clock CROSS JOIN lane ON lane.binding = name AND lane.key IN (
    SELECT key FROM lane AS next
    WHERE next.binding = name AND next.turn <= now ORDER BY next.turn LIMIT 10
  )
  CROSS JOIN job ON job.id = (
    SELECT id FROM job AS head
    WHERE open = 1 AND head.binding = lane.binding AND head.key = lane.key
      AND status <> 'PROCESSING'
    ORDER BY due LIMIT 1
  )
  WHERE paused = 0
)
