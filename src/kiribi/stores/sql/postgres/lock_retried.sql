-- The same for jobs to be changed, and for all that those of them wait for that are to be retried.
-- $2: [id, ...], $3: [[id, ...], ...] of those to be retried
SELECT kiribi.lock_jobs(kiribi.texts($2::text) || ARRAY(
  SELECT on_id FROM jsonb_array_elements($3::jsonb) AS again
  JOIN kiribi.dependency ON job_id = again ->> 0
))
