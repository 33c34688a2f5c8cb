-- Remove the outlived jobs. ?2: {status: finished before}
DELETE FROM job
WHERE id > (SELECT value ->> 0 FROM meta WHERE key = 'pruned')
  AND id <= (SELECT value ->> 1 FROM meta WHERE key = 'pruned')
  AND finished_ms < ?2 ->> status AND open IS NULL
RETURNING id, status, EXISTS (SELECT 1 FROM dependency WHERE on_id = job.id)
