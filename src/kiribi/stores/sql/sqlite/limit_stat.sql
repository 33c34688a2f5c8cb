-- Let watchers see that limits of a binding are about to change. ?2: name, ?3: the limits
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO stat (span_ms, at_ms, binding, changes)
SELECT 60000, now - now % 60000, ?2, 1 FROM clock
WHERE coalesce((SELECT override FROM binding WHERE name = ?2), '{}') <> coalesce(?3, '{}')
ON CONFLICT DO UPDATE SET changes = changes + 1
