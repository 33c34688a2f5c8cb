-- Let watchers see that a binding is about to be paused or resumed. ?2: name, ?3: paused
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO stat (span_ms, at_ms, binding, changes)
SELECT 60000, now - now % 60000, ?2, 1 FROM clock
WHERE ?3 <> coalesce((SELECT paused FROM binding WHERE name = ?2), 0)
ON CONFLICT DO UPDATE SET changes = changes + 1
