-- Record an action, left to its beginner for a while. $2: id, $3: kind, $4: filter, $5: who, $6: lease in ms
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms()))
INSERT INTO kiribi.action (id, kind, filter, who, status, created_ms, updated_ms, lease_until, before)
SELECT $2::text, $3::text, $4::text, $5::text, 'RUNNING', now, now, now + $6::bigint, $2 FROM clock
ON CONFLICT DO NOTHING
