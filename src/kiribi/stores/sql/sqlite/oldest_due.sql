-- Since when the longest-waiting due job waits, of the best ten of each unpaused binding.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT min(due) FROM binding, clock CROSS JOIN job
WHERE paused = 0 AND job.id IN (
  SELECT id FROM job AS waiting
  WHERE open = 1 AND binding = binding.name AND rank <= now
    AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
  ORDER BY rank LIMIT 10
)
