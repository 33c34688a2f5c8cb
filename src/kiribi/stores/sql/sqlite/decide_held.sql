-- Which held jobs wait no longer: [on_id, outcome] of the end that cancels them, or their delay.
-- ?2: [job_id, ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
held AS MATERIALIZED (
  SELECT job.id, attempts, failures, crashes, options, now, coalesce(
      (SELECT json_array(on_id, outcome) FROM dependency
        WHERE job_id = job.id AND outcome = 'DELETED' AND if_failed IN ('cancel', 'wait') LIMIT 1),
      (SELECT json_array(on_id, outcome) FROM dependency
        WHERE job_id = job.id AND outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'cancel' LIMIT 1)
    ) AS cause
  FROM json_each(?2) AS asked, clock CROSS JOIN job ON job.id = asked.value
  WHERE open = 1 AND due = 253402300799999 AND status = 'PENDING'
)
SELECT id, attempts, failures, crashes, cause, CASE
    WHEN cause IS NOT NULL THEN 0
    ELSE max(0, coalesce((options ->> 'at') - now, round((options ->> 'first_delay') * 1000), 0))
  END
FROM held
WHERE cause IS NOT NULL
  OR NOT EXISTS (SELECT 1 FROM dependency WHERE job_id = held.id AND outcome IS NULL)
  AND NOT EXISTS (
    SELECT 1 FROM dependency
    WHERE job_id = held.id AND outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'wait'
  )
