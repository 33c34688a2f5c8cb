-- Of the next held jobs: what they wait for and has ended unnoticed, those that wait for nothing,
-- and where to go on, '' from the start. ?2: from this job_id, ?3: how many edges to read,
-- more than one job can have
WITH looked AS (
  SELECT held.id AS job_id, on_id, outcome
  FROM job AS held LEFT JOIN dependency ON job_id = held.id AND (
    outcome IS NULL OR outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'wait'
  )
  WHERE held.open = 1 AND held.due = 253402300799999 AND held.id >= ?2
  ORDER BY held.id LIMIT ?3
)
SELECT
  json_group_array(on_id) FILTER (WHERE on_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM job WHERE id = on_id AND (open = 1 OR outcome IS NOT NULL)
  )),
  json_group_array(job_id) FILTER (WHERE on_id IS NULL),
  iif(count(*) < ?3, '', max(job_id))
FROM looked
