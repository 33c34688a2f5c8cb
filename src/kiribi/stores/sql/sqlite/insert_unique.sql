-- Store new unique jobs, the first of each key that is free; an id that exists stays as it is.
-- ?2: [[id, binding, payload or null, options, priority, delay_ms, at_ms, key, states, within_ms], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
new AS (
  SELECT value ->> 0 AS id, value ->> 1 AS binding, value ->> 2 AS payload, value ->> 3 AS options,
    coalesce(value ->> 4, binding.priority, 0) AS priority,
    coalesce(value ->> 6, now + coalesce(value ->> 5, 0)) AS due, now,
    value ->> 3 ->> 'concurrency_key' AS key,
    value ->> 7 AS unique_key, value -> 8 AS states, now + (value ->> 9) AS until
  FROM json_each(?2), clock LEFT JOIN binding ON binding.name = value ->> 1
)
INSERT INTO job (id, binding, status, open, rank, due, priority, updated_ms, payload, options, key,
  unique_key, unique_states, unique_until, unique_held)
SELECT id, binding, 'PENDING', 1, due - priority * 60000, due, priority, now, payload, options, key,
  unique_key, states, until, 1
FROM new WHERE true
ON CONFLICT DO NOTHING
