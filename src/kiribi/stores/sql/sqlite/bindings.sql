-- Every binding, by name.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT name, defaults, schema, paused, last_seen_ms, limits, override, streak,
  max(0, probe_at_ms - now) AS probe_ms
FROM binding, clock ORDER BY name
