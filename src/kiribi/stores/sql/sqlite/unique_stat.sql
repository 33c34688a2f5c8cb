-- Count the unique jobs about to be inserted: one for each key that is free.
-- ?2: [[binding, key, id], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO stat (span_ms, at_ms, binding, pending, enqueued, changes)
SELECT 60000, now - now % 60000, new.value ->> 0, count(DISTINCT new.value ->> 1),
  count(DISTINCT new.value ->> 1), count(DISTINCT new.value ->> 1)
FROM json_each(?2) AS new, clock
WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.id = new.value ->> 2)
  AND NOT EXISTS (
    SELECT 1 FROM job
    WHERE unique_held = 1 AND job.binding = new.value ->> 0 AND unique_key = new.value ->> 1
  )
GROUP BY new.value ->> 0
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  enqueued = enqueued + excluded.enqueued,
  changes = changes + excluded.changes
