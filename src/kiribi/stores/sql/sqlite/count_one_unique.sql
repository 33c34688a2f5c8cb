-- Count the unique job about to be inserted, if its key is free. ?2: binding, ?3: key, ?4: its id
INSERT INTO stat (span_ms, at_ms, binding, pending, enqueued, changes)
SELECT 60000, now - now % 60000, ?2, 1, 1, 1
FROM (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) AS now)
WHERE NOT EXISTS (SELECT 1 FROM job WHERE unique_held = 1 AND binding = ?2 AND unique_key = ?3)
  AND NOT EXISTS (SELECT 1 FROM job WHERE id = ?4)
ON CONFLICT DO UPDATE SET
  pending = pending + 1,
  enqueued = enqueued + 1,
  changes = changes + 1
