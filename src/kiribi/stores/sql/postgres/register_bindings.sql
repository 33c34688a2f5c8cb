-- Add or update bindings as a worker serves them.
-- $2: [[name, priority, defaults, schema, limits], ...]
INSERT INTO kiribi.binding (name, priority, defaults, schema, limits, last_seen_ms)
SELECT part[1] #>> '{}', coalesce((part[2] #>> '{}')::integer, 0), part[3]::text,
  nullif(part[4]::text, 'null'), nullif(part[5]::text, 'null'), coalesce($1::bigint, kiribi.now_ms())
FROM (
  -- taken apart so, a schema may hold what jsonb refuses
  SELECT ARRAY(SELECT json_array_elements(one)) AS part FROM json_array_elements($2::json) AS one
) AS new
ORDER BY 1
ON CONFLICT (name) DO UPDATE SET
  priority = excluded.priority, defaults = excluded.defaults, schema = excluded.schema,
  limits = excluded.limits, last_seen_ms = excluded.last_seen_ms
