-- Add minutes before ?2 to the totals.
INSERT INTO stat (span_ms, at_ms, binding,
  pending, processing, retry_pending, completed, failed, cancelled, changes)
SELECT 0, 0, binding,
  sum(pending), sum(processing), sum(retry_pending), sum(completed), sum(failed), sum(cancelled),
  sum(changes)
FROM stat
WHERE span_ms = 60000 AND at_ms < ?2
GROUP BY binding
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  processing = processing + excluded.processing,
  retry_pending = retry_pending + excluded.retry_pending,
  completed = completed + excluded.completed,
  failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled,
  changes = changes + excluded.changes
