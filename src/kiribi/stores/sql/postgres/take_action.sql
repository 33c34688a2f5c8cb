-- Go on with an action that nobody holds: whoever did its last step cannot any more.
-- $2: id, $3: its last step, $4: lease in ms
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms()))
UPDATE kiribi.action SET step = step + 1, lease_until = now + $4::bigint
FROM clock
WHERE id = $2::text AND step = $3::integer AND status = 'RUNNING' AND lease_until <= now
RETURNING id, kind, filter, who, status, matched, done, skipped, failed, reason, created_ms, updated_ms,
  finished_ms, step, before, missed, tries
