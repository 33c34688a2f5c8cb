-- Every binding, by name.
SELECT name, defaults, schema, paused, last_seen_ms FROM binding ORDER BY name
