-- Take the jobs noted down: the first step of claim_jobs, whose parameters this takes.
-- An upsert finds each by its key without reading a row; an id that is gone leaves a stray.
WITH noted (ids) AS (SELECT fresh FROM claim WHERE worker = ?2 AND pool = ?3 AND token = ?4)
INSERT INTO job (id, binding, status, open, rank, due, priority, updated_ms, worker)
SELECT value, '', '', 1, 0, 0, 0, coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)), ?2
FROM elements((SELECT ids FROM noted)) WHERE true
ON CONFLICT (id) DO UPDATE SET
  status = 'PROCESSING',
  attempts = attempts + (status <> 'PROCESSING'),
  worker = excluded.worker,
  started_ms = excluded.updated_ms,
  finished_ms = NULL,
  updated_ms = excluded.updated_ms,
  progress = NULL
WHERE status IN ('PENDING', 'RETRY_PENDING') OR (status = 'PROCESSING' AND worker = excluded.worker)
