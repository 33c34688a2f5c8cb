-- Note for those who wait how jobs stand now: ended, open again, or gone; who waits.
-- $2: [[on_id, its status when it was deleted], ...], of jobs that are locked
WITH ended AS (
  SELECT one ->> 0 AS id, CASE
    WHEN job.id IS NOT NULL THEN CASE WHEN shelf > 0 THEN status END
    WHEN one ->> 1 = 'COMPLETED' THEN 'COMPLETED'
    ELSE 'DELETED' END AS now_is
  FROM jsonb_array_elements($2::jsonb) AS one LEFT JOIN kiribi.job ON job.id = one ->> 0
),
told AS (
  SELECT on_id, job_id, now_is
  FROM kiribi.dependency JOIN ended ON ended.id = on_id
  WHERE outcome IS DISTINCT FROM now_is
    -- what need not exist any more may be deleted
    AND (now_is IS DISTINCT FROM 'DELETED' OR coalesce(outcome, '') NOT IN ('COMPLETED', 'WAIVED'))
  ORDER BY on_id, job_id FOR UPDATE OF dependency
)
UPDATE kiribi.dependency SET outcome = now_is
FROM told WHERE dependency.on_id = told.on_id AND dependency.job_id = told.job_id
RETURNING dependency.job_id
