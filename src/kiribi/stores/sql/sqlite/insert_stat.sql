-- Count the jobs about to be inserted. ?2: [[binding, number of jobs, id of one of them], ...];
-- a batch stores all of a group or none, so an entry whose id exists has been counted.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO stat (span_ms, at_ms, binding, pending, enqueued, changes)
SELECT 60000, now - now % 60000, new.value ->> 0, sum(new.value ->> 1), sum(new.value ->> 1),
  sum(new.value ->> 1)
FROM json_each(?2) AS new, clock
WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.id = new.value ->> 2)
GROUP BY new.value ->> 0
ON CONFLICT DO UPDATE SET
  pending = pending + excluded.pending,
  enqueued = enqueued + excluded.enqueued,
  changes = changes + excluded.changes
