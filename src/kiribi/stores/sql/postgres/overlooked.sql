-- Of the next held jobs: what they wait for and has ended unnoticed, those that wait for nothing,
-- and where to go on, '' from the start. $2: from this job_id, $3: how many edges to read,
-- more than one job can have. Each is looked up by itself: there may be millions that nobody waits for.
WITH looked AS MATERIALIZED (
  SELECT held.id AS job_id, on_id, outcome
  FROM kiribi.job_open AS held LEFT JOIN kiribi.dependency ON job_id = held.id AND (
    outcome IS NULL OR outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'wait'
  )
  WHERE held.due = 253402300799999 AND held.id >= $2::text
  ORDER BY held.id LIMIT $3::bigint
),
ended AS (
  SELECT on_id FROM looked
  WHERE on_id IS NOT NULL AND (SELECT id FROM kiribi.job_open WHERE id = on_id) IS NULL
    AND (outcome IS NULL OR (SELECT id FROM kiribi.job WHERE id = on_id) IS NULL)
)
SELECT coalesce((SELECT json_agg(on_id) FROM ended), '[]')::text,
  coalesce(json_agg(job_id) FILTER (WHERE on_id IS NULL), '[]')::text,
  CASE WHEN count(*) < $3 THEN '' ELSE max(job_id) END
FROM looked
