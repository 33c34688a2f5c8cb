-- Carry out each change whose job is still as expected: a step of apply_changes, which see.
-- ?2: [[id, holder, attempts, status, failures, crashes, delay_ms, outcome, result, error, cancel, waits], ...]
-- An upsert finds each job by its key without reading a row; an id that is gone leaves a stray.
-- The change travels in `history`, the time in `updated_ms`.
INSERT INTO job (id, binding, status, open, rank, due, priority, updated_ms, history)
SELECT value ->> 0, '', '', 1, 0, 0, 0, coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)), value
FROM elements(?2) WHERE true
ON CONFLICT (id) DO UPDATE SET
  status = CASE
    WHEN NOT (
      cancel_requested AND excluded.history ->> 7 IS NOT NULL
      AND excluded.history ->> 3 IN ('PENDING', 'RETRY_PENDING')
    ) THEN excluded.history ->> 3
    WHEN excluded.history ->> 7 = 'failed' THEN 'FAILED'
    ELSE 'CANCELLED' END,
  open = CASE
    WHEN excluded.history ->> 3 IN ('COMPLETED', 'FAILED', 'CANCELLED') THEN NULL
    WHEN cancel_requested AND excluded.history ->> 7 IS NOT NULL
      AND excluded.history ->> 3 IN ('PENDING', 'RETRY_PENDING') THEN NULL
    ELSE 1 END,
  due = CASE WHEN excluded.history ->> 11 = 2 AND EXISTS (
      SELECT 1 FROM dependency WHERE job_id = job.id AND outcome IS NULL
    ) THEN 253402300799999 ELSE coalesce(excluded.updated_ms + (excluded.history ->> 6), due) END,
  rank = CASE WHEN excluded.history ->> 11 = 2 AND EXISTS (
      SELECT 1 FROM dependency WHERE job_id = job.id AND outcome IS NULL
    ) THEN 253402300799999 ELSE coalesce(excluded.updated_ms + (excluded.history ->> 6), due) END
    - priority * 60000,
  failures = excluded.history ->> 4,
  crashes = excluded.history ->> 5,
  cancel_requested = excluded.history ->> 10,
  updated_ms = excluded.updated_ms,
  started_ms = CASE
    WHEN excluded.history ->> 7 IS NULL AND excluded.history ->> 3 <> 'PROCESSING' AND
      (open IS NULL OR excluded.history ->> 3 = 'CANCELLED') THEN NULL
    ELSE started_ms END,
  finished_ms = CASE
    WHEN excluded.history ->> 7 IS NOT NULL OR excluded.history ->> 3 = 'CANCELLED'
    THEN excluded.updated_ms
    WHEN open IS NULL THEN NULL
    ELSE finished_ms END,
  worker = CASE WHEN excluded.history ->> 3 = 'PROCESSING' THEN worker END,
  progress = CASE WHEN open = 1 THEN progress END,
  error = iif(excluded.history ->> 7 IN ('snoozed', 'released'), error,
    nullif(excluded.history -> 9, 'null')),
  result = CASE WHEN excluded.history ->> 7 = 'completed'
    THEN nullif(excluded.history -> 8, 'null') END,
  history = CASE
    WHEN excluded.history ->> 7 IS NULL THEN history
    ELSE json_insert(
      CASE json_array_length(history)
        WHEN 20 THEN json_remove(history, '$[0]')
        ELSE coalesce(history, '[]') END,
      '$[#]',
      json_array(attempts, excluded.history ->> 7, started_ms, excluded.updated_ms, worker,
        json(nullif(excluded.history -> 9, 'null')))) END
WHERE coalesce(worker, status) = excluded.history ->> 1 AND attempts = excluded.history ->> 2
  AND (excluded.history ->> 11 <> 1 OR due = 253402300799999)
  AND (excluded.history ->> 11 <> 2
    OR unique_key IS NULL OR unique_held = 1 OR unique_until <= excluded.updated_ms)
