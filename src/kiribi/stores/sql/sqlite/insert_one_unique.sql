-- Store one new unique job, as `insert_unique` does; nothing is answered if its key is held, or its id
-- exists.
-- ?2: id, ?3: binding, ?4: payload, ?5: options, ?6: priority, ?7: delay_ms, ?8: at_ms, ?9: key,
-- ?10: states, ?11: within_ms
INSERT INTO job (id, binding, status, open, rank, due, priority, updated_ms, payload, options, key,
  unique_key, unique_states, unique_until, unique_held)
SELECT ?2, ?3, 'PENDING', 1, due - priority * 60000, due, priority, now, ?4, ?5, ?5 ->> 'concurrency_key',
  ?9, ?10, now + ?11, 1
FROM (
  SELECT now, coalesce(?8, now + ?7) AS due,
    coalesce(?6, (SELECT priority FROM binding WHERE name = ?3), 0) AS priority
  FROM (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) AS now)
)
WHERE true
ON CONFLICT DO NOTHING
RETURNING updated_ms, due, priority
