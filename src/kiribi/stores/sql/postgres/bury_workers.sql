-- Declare workers dead, unless they are, once what they are claiming is claimed. $2: {id: reason}
WITH dead AS (
  SELECT id, reason FROM kiribi.worker JOIN jsonb_each_text(kiribi.readable($2)) AS one (dead, reason)
    ON dead = id
  WHERE dead_reason IS NULL ORDER BY id FOR NO KEY UPDATE OF worker
)
UPDATE kiribi.worker SET dead_reason = dead.reason
FROM dead, kiribi.lock_worker(dead.id) WHERE worker.id = dead.id
