-- Declare dead whose lease has lapsed, once what they are claiming is claimed.
WITH dead AS (
  SELECT id FROM kiribi.worker
  WHERE lease_until <= coalesce($1::bigint, kiribi.now_ms()) AND dead_reason IS NULL
  ORDER BY id FOR NO KEY UPDATE
)
UPDATE kiribi.worker SET dead_reason = 'its lease lapsed'
FROM dead, kiribi.lock_worker(dead.id) WHERE worker.id = dead.id
