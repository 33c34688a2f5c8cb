-- Jobs as a page shows them, newest first: without what may be long. $2: ids
SELECT id, binding, status, payload,
  CASE WHEN length(options) > 1024 THEN coalesce((kiribi.readable(options) - 'after')::text, options)
    ELSE options END,
  priority, attempts, failures, crashes, due, updated_ms, started_ms, finished_ms, worker,
  cancel_requested, NULL::text, error, progress, NULL::text
FROM kiribi.job WHERE id = ANY (kiribi.texts($2)) ORDER BY id DESC
