-- Record an action, left to its beginner for a while. ?2: id, ?3: kind, ?4: filter, ?5: who, ?6: lease in ms
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO action (id, kind, filter, who, status, created_ms, updated_ms, lease_until, before)
SELECT ?2, ?3, ?4, ?5, 'RUNNING', now, now, now + ?6, ?2 FROM clock WHERE true
ON CONFLICT DO NOTHING
