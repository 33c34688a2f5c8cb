-- Add hours before ?2 to their days.
INSERT INTO stat (span_ms, at_ms, binding,
  enqueued, completions, failures, retries, cancellations, crashes, waits, wait_ms, runs, run_ms)
SELECT 86400000, at_ms - at_ms % 86400000 AS day, binding,
  sum(enqueued), sum(completions), sum(failures), sum(retries), sum(cancellations), sum(crashes),
  sum(waits), sum(wait_ms), sum(runs), sum(run_ms)
FROM stat
WHERE span_ms = 3600000 AND at_ms < ?2
GROUP BY day, binding
ON CONFLICT DO UPDATE SET
  enqueued = enqueued + excluded.enqueued,
  completions = completions + excluded.completions,
  failures = failures + excluded.failures,
  retries = retries + excluded.retries,
  cancellations = cancellations + excluded.cancellations,
  crashes = crashes + excluded.crashes,
  waits = waits + excluded.waits,
  wait_ms = wait_ms + excluded.wait_ms,
  runs = runs + excluded.runs,
  run_ms = run_ms + excluded.run_ms
