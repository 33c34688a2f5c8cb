-- Jobs as a page shows them, newest first: without what may be long. ?2: ids
SELECT id, binding, status, payload,
  iif(length(options) > 1024, json_remove(options, '$.after'), options) AS options, priority, attempts, failures, crashes, due, updated_ms,
  started_ms, finished_ms, worker, cancel_requested, NULL AS result, error, progress, NULL AS history
FROM job WHERE id IN (SELECT value FROM json_each(?2)) ORDER BY id DESC
