-- Note what new jobs wait for, and what of it has ended already. What may still change for them is marked
-- as awaited: whoever ends or removes it tells. $2: [[job_id, if_failed, on_id], ...]
WITH asked AS MATERIALIZED (
  SELECT one ->> 0 AS job_id, one ->> 1 AS if_failed, one ->> 2 AS on_id
  FROM jsonb_array_elements($2::jsonb) AS one
),
open AS MATERIALIZED (SELECT id FROM kiribi.job_open WHERE id = ANY (ARRAY(SELECT on_id FROM asked))),
marked AS (
  UPDATE kiribi.job_open AS job SET awaited = true FROM open WHERE job.id = open.id AND NOT awaited
),
-- neither retried nor removed meanwhile
ended AS MATERIALIZED (
  SELECT id, status FROM kiribi.job
  WHERE shelf > 0 AND id = ANY (ARRAY(SELECT on_id FROM asked EXCEPT SELECT id FROM open))
  ORDER BY id FOR KEY SHARE
),
marked_ended AS (
  UPDATE kiribi.job SET awaited = true
  WHERE shelf > 0 AND NOT awaited
    AND id = ANY (ARRAY(SELECT id FROM ended WHERE status <> 'COMPLETED'))
)
INSERT INTO kiribi.dependency (on_id, job_id, if_failed, outcome)
SELECT on_id, job_id, if_failed, status FROM asked LEFT JOIN ended ON ended.id = on_id
ON CONFLICT DO NOTHING
