-- Carry out each change whose job is still as expected.
-- ?2: [[id, holder, attempts, status, failures, crashes, delay_ms, outcome, result, error, cancel, waits], ...]
-- holder: the worker that runs it, else its status: with the number of the attempt, the fence.
-- waits: 1 if the job must be held still, 2 if it is retried, and may have to wait for others again.
-- A job that was to go on but was asked to stop meanwhile, stops: the request is never lost.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
change AS MATERIALIZED (
  SELECT value ->> 0 AS id, value ->> 1 AS holder, value ->> 2 AS attempts, value ->> 3 AS status,
    value ->> 4 AS failures, value ->> 5 AS crashes, now + (value ->> 6) AS due,
    value ->> 7 AS outcome, value -> 8 AS result, nullif(value -> 9, 'null') AS error,
    value ->> 10 AS cancel, value ->> 11 AS waits, now,
    value ->> 7 IS NOT NULL AND value ->> 3 IN ('PENDING', 'RETRY_PENDING') AS goes_on
  FROM json_each(?2), clock
)
UPDATE job SET
  status = CASE
    WHEN NOT (goes_on AND cancel_requested) THEN change.status
    WHEN outcome = 'failed' THEN 'FAILED'
    ELSE 'CANCELLED' END,
  open = CASE
    WHEN change.status IN ('COMPLETED', 'FAILED', 'CANCELLED') OR (goes_on AND cancel_requested)
    THEN NULL ELSE 1 END,
  due = CASE WHEN waits = 2 AND EXISTS (
      SELECT 1 FROM dependency WHERE job_id = job.id AND outcome IS NULL
    ) THEN 253402300799999 ELSE coalesce(change.due, job.due) END,
  rank = CASE WHEN waits = 2 AND EXISTS (
      SELECT 1 FROM dependency WHERE job_id = job.id AND outcome IS NULL
    ) THEN 253402300799999 ELSE coalesce(change.due, job.due) END - priority * 60000,
  failures = change.failures,
  crashes = change.crashes,
  cancel_requested = cancel,
  updated_ms = now,
  -- whoever leaves a final state, or ends without an attempt, has no last attempt to show
  started_ms = CASE
    WHEN outcome IS NULL AND change.status <> 'PROCESSING' AND
      (job.open IS NULL OR change.status = 'CANCELLED') THEN NULL
    ELSE started_ms END,
  finished_ms = CASE
    WHEN outcome IS NOT NULL OR change.status = 'CANCELLED' THEN now
    WHEN job.open IS NULL THEN NULL
    ELSE finished_ms END,
  worker = CASE WHEN change.status = 'PROCESSING' THEN worker END,
  progress = CASE WHEN job.open = 1 THEN progress END,
  -- a snooze or a release is no failure: history has it
  error = iif(outcome IN ('snoozed', 'released'), job.error, change.error),
  result = CASE WHEN outcome = 'completed' THEN nullif(change.result, 'null') END,
  history = CASE
    WHEN outcome IS NULL THEN history
    ELSE json_insert(
      CASE json_array_length(history)
        WHEN 20 THEN json_remove(history, '$[0]')
        ELSE coalesce(history, '[]') END,
      '$[#]',
      json_array(job.attempts, outcome, started_ms, now, worker, json(change.error))) END
FROM change
WHERE job.id = change.id AND coalesce(worker, job.status) = holder AND job.attempts = change.attempts
  AND (waits <> 1 OR job.due = 253402300799999)
  AND (waits <> 2 OR unique_key IS NULL OR unique_held = 1 OR unique_until <= now)
RETURNING id, open, EXISTS (SELECT 1 FROM dependency WHERE on_id = job.id)
