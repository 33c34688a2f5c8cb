-- Which held jobs wait no longer: [on_id, outcome] of the end that cancels them, or their delay.
-- The two options are found in the text itself, as it may be one that the database's JSON refuses.
-- $2: [job_id, ...]
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
held AS MATERIALIZED (
  SELECT job.id, attempts, failures, crashes, now,
    substring(options FROM '"at":\s*([0-9.eE+-]+)')::numeric AS at_ms,
    substring(options FROM '"first_delay":\s*([0-9.eE+-]+)')::numeric AS delay,
    coalesce(
      (SELECT json_build_array(on_id, outcome) FROM kiribi.dependency
        WHERE job_id = job.id AND outcome = 'DELETED' AND if_failed IN ('cancel', 'wait') LIMIT 1),
      (SELECT json_build_array(on_id, outcome) FROM kiribi.dependency
        WHERE job_id = job.id AND outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'cancel' LIMIT 1)
    )::text AS cause
  FROM clock CROSS JOIN kiribi.job_open AS job
  WHERE job.id = ANY (kiribi.texts($2::text)) AND due = 253402300799999 AND status = 'PENDING'
)
SELECT id, attempts, failures, crashes, cause, CASE
    WHEN cause IS NOT NULL THEN 0
    ELSE greatest(0, coalesce(at_ms - now, round(delay * 1000), 0))::bigint
  END
FROM held
WHERE cause IS NOT NULL
  OR NOT EXISTS (SELECT 1 FROM kiribi.dependency WHERE job_id = held.id AND outcome IS NULL)
  AND NOT EXISTS (
    SELECT 1 FROM kiribi.dependency
    WHERE job_id = held.id AND outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'wait'
  )
