-- Note what jobs about to be retried wait for again: what is open, or retried with them. All these are
-- locked. $2: [[id, expected, attempts], ...]
WITH again AS MATERIALIZED (
  SELECT job.id
  FROM jsonb_array_elements($2::jsonb) AS one JOIN kiribi.job
    ON job.id = one ->> 0 AND shelf > 0 AND status = one ->> 1 AND attempts = (one ->> 2)::integer
)
UPDATE kiribi.dependency SET outcome = CASE
  WHEN on_id IN (SELECT id FROM again) OR EXISTS (SELECT 1 FROM kiribi.job_open WHERE id = on_id) THEN NULL
  WHEN outcome = 'COMPLETED' THEN outcome
  ELSE coalesce(
    (SELECT status FROM kiribi.job WHERE id = on_id AND shelf > 0 AND status = 'COMPLETED'), 'WAIVED'
  ) END
WHERE job_id IN (SELECT id FROM again)
