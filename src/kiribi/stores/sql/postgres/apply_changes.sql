-- Carry out each change whose job is still as expected, and count it.
-- $2 to $13: id, holder, attempts, status, failures, crashes, delay_ms, outcome, result, error, cancel,
-- waits of each. holder: the worker that runs it, else its status: with the number of the attempt, the
-- fence. waits: 1 if the job must be held still; those of 2, to be retried, are reopen_jobs' to change.
-- A job that was to go on but was asked to stop meanwhile, stops: the request is never lost.
-- A job that ends moves to its shelf: see make_shelf.
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
change AS (
  SELECT change.*, now, outcome IS NOT NULL AND status IN ('PENDING', 'RETRY_PENDING') AS goes_on,
    status IN ('COMPLETED', 'FAILED', 'CANCELLED') AS ends
  FROM clock, unnest(
    $2::text[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[], $8::bigint[],
    $9::text[], $10::text[], $11::text[], $12::boolean[], $13::integer[]
  ) AS change (
    id, holder, attempts, status, failures, crashes, delay_ms, outcome, result, error, cancel, waits
  )
),
changed AS (
  UPDATE kiribi.job SET
    status = CASE
      WHEN NOT (goes_on AND cancel_requested) THEN change.status
      WHEN outcome = 'failed' THEN 'FAILED'
      ELSE 'CANCELLED' END,
    shelf = CASE
      WHEN change.status = 'COMPLETED' THEN 2 * (now / 86400000)
      WHEN ends OR goes_on AND cancel_requested THEN 2 * (now / 86400000) + 1
      ELSE 0 END,
    due = coalesce(now + delay_ms, due),
    rank = coalesce(now + delay_ms, due) - priority * 60000,
    failures = change.failures,
    crashes = change.crashes,
    cancel_requested = cancel,
    updated_ms = now,
    -- who ends without an attempt has no last attempt to show
    started_ms = CASE WHEN outcome IS NULL AND change.status = 'CANCELLED' THEN NULL ELSE started_ms END,
    finished_ms = CASE WHEN outcome IS NOT NULL OR change.status = 'CANCELLED' THEN now
      ELSE finished_ms END,
    worker = CASE WHEN change.status = 'PROCESSING' THEN worker END,
    -- a snooze or a release is no failure: history has it
    error = CASE WHEN outcome IN ('snoozed', 'released') THEN job.error ELSE change.error END,
    result = CASE WHEN outcome = 'completed' THEN change.result END,
    history = CASE
      WHEN outcome IS NULL THEN history
      WHEN history IS NULL THEN '[' || json_build_array(
        job.attempts, outcome, started_ms, now, worker, change.error::json
      ) || ']'
      ELSE kiribi.later(history, json_build_array(
        job.attempts, outcome, started_ms, now, worker, change.error::json
      )) END
  FROM change
  WHERE job.shelf = 0 AND job.id = change.id AND coalesce(worker, job.status) = holder
    AND job.attempts = change.attempts AND waits < 2
    AND (waits = 0 OR job.due = 253402300799999)
  RETURNING job.id, job.binding, job.key, job.shelf, job.awaited, job.status AS new, outcome,
    CASE WHEN holder IN ('PENDING', 'RETRY_PENDING') THEN holder ELSE 'PROCESSING' END AS old,
    CASE WHEN outcome <> 'crashed' THEN greatest(0, now - started_ms) END AS ran
),
part AS (
  SELECT binding,
    sum((new = 'PENDING')::integer - (old = 'PENDING')::integer) AS pending,
    sum((new = 'PROCESSING')::integer - (old = 'PROCESSING')::integer) AS processing,
    sum((new = 'RETRY_PENDING')::integer - (old = 'RETRY_PENDING')::integer) AS retry_pending,
    count(*) FILTER (WHERE new = 'COMPLETED') AS completed,
    count(*) FILTER (WHERE new = 'FAILED') AS failed,
    count(*) FILTER (WHERE new = 'CANCELLED') AS cancelled,
    count(*) AS changes,
    count(*) FILTER (WHERE outcome = 'completed') AS completions,
    count(*) FILTER (WHERE outcome = 'failed') AS failures,
    count(*) FILTER (WHERE outcome = 'failed' AND new = 'RETRY_PENDING') AS retries,
    count(*) FILTER (WHERE outcome = 'crashed') AS crashes,
    count(ran) AS runs,
    coalesce(sum(ran), 0) AS run_ms,
    kiribi.bucket(ran) AS bucket
  FROM changed
  GROUP BY binding, kiribi.bucket(ran)
),
total AS (
  INSERT INTO kiribi.tally (at_ms, binding, pending, processing, retry_pending, completed, failed,
    cancelled, changes, completions, failures, retries, cancellations, crashes, runs, run_ms, run_buckets)
  SELECT now - now % 60000, binding, sum(pending), sum(processing), nullif(sum(retry_pending), 0),
    nullif(sum(completed), 0), nullif(sum(failed), 0), nullif(sum(cancelled), 0), sum(changes),
    nullif(sum(completions), 0), nullif(sum(failures), 0), nullif(sum(retries), 0),
    nullif(sum(cancelled), 0), nullif(sum(crashes), 0), sum(runs), sum(run_ms),
    json_object_agg(bucket, runs) FILTER (WHERE bucket IS NOT NULL)
  FROM part, clock GROUP BY now, binding
  RETURNING binding, completions, failures
),
-- the breakers of bindings with a retry budget
broken AS (
  UPDATE kiribi.binding SET
    streak = CASE WHEN completions > 0 THEN 0 ELSE streak + coalesce(total.failures, 0) END,
    probe_at_ms = CASE
      WHEN completions > 0 THEN NULL
      WHEN probe_at_ms IS NOT NULL OR streak + total.failures >= budget THEN now + probe_ms END
  FROM total, clock
  WHERE name = total.binding AND budget IS NOT NULL
    AND CASE WHEN completions > 0 THEN streak > 0 OR probe_at_ms IS NOT NULL
      ELSE total.failures > 0 END
),
told AS (
  INSERT INTO kiribi.lane_event (binding, key)
  SELECT DISTINCT binding, key FROM changed WHERE key IS NOT NULL
)
SELECT id, CASE WHEN shelf = 0 THEN 1 END AS open,
  awaited,
  -- somebody may start now who could not before
  key IS NOT NULL OR EXISTS (
    SELECT 1 FROM kiribi.binding WHERE name = changed.binding
      AND coalesce(concurrency, interval_us, probe_at_ms) IS NOT NULL
  ) AS limited, binding
FROM changed
