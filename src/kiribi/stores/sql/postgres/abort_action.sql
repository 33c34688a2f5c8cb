-- End an action: the step under way was carried out as a whole, or will not be. $2: id
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms()))
UPDATE kiribi.action SET status = 'ABORTED', updated_ms = now, finished_ms = now
FROM clock
WHERE id = $2::text AND status = 'RUNNING'
RETURNING id
