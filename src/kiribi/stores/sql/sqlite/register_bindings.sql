-- Add or update bindings as a worker serves them.
-- ?2: [[name, priority, defaults, schema, limits], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO binding (name, priority, defaults, schema, limits, last_seen_ms)
SELECT value ->> 0, coalesce(value ->> 1, 0), value -> 2, nullif(value -> 3, 'null'),
  nullif(value -> 4, 'null'), now
FROM json_each(?2), clock WHERE true
ON CONFLICT DO UPDATE SET
  priority = excluded.priority, defaults = excluded.defaults, schema = excluded.schema,
  limits = excluded.limits, last_seen_ms = excluded.last_seen_ms
