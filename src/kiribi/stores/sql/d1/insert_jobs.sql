-- As the one of SQLite, without a look at the binding of each job.
-- ?2: [[id, binding, payload or null, options, priority, delay_ms, at_ms], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
priorities (priority) AS (SELECT json_group_object(name, priority) FROM binding),
new AS (
  SELECT value ->> 0 AS id, value ->> 1 AS binding, value ->> 2 AS payload, value ->> 3 AS options,
    coalesce(value ->> 4, (SELECT priority FROM priorities) ->> (value ->> 1), 0) AS priority,
    coalesce(value ->> 6, now + coalesce(value ->> 5, 0)) AS due, now,
    value ->> 3 ->> 'concurrency_key' AS key
  FROM elements(?2), clock
)
INSERT INTO job (id, binding, status, open, rank, due, priority, updated_ms, payload, options, key)
SELECT id, binding, 'PENDING', 1, due - priority * 60000, due, priority, now, payload, options, key
FROM new WHERE true
ON CONFLICT DO NOTHING
