-- Count the job about to be inserted. ?2: binding, ?3: its id; if that exists, it has been counted.
INSERT INTO stat (span_ms, at_ms, binding, pending, enqueued, changes)
SELECT 60000, now - now % 60000, ?2, 1, 1, 1
FROM (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) AS now)
WHERE NOT EXISTS (SELECT 1 FROM job WHERE id = ?3)
ON CONFLICT DO UPDATE SET
  pending = pending + 1,
  enqueued = enqueued + 1,
  changes = changes + 1
