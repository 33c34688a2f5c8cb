-- Forget a worker that holds no job (and, by cascade, what it had noted down). ?2: id
DELETE FROM worker
WHERE id = ?2 AND NOT EXISTS (
  SELECT 1 FROM job
  WHERE id IN (
      SELECT value FROM claim, json_each(held) WHERE claim.worker = ?2
      UNION SELECT value FROM claim, json_each(fresh) WHERE claim.worker = ?2
    )
    AND status = 'PROCESSING' AND job.worker = ?2
)
