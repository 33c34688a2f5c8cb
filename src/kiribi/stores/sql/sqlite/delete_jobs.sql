-- Remove jobs that do not run, and by cascade all that belongs to them. ?2: ids, ?3: statuses
DELETE FROM job
WHERE id IN (SELECT value FROM json_each(?2))
  AND status IN (SELECT value FROM json_each(?3)) AND status <> 'PROCESSING'
RETURNING id, status, EXISTS (SELECT 1 FROM dependency WHERE on_id = job.id)
