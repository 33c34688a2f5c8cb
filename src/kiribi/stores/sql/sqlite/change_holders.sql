-- Let holders that wait take the due time of the last duplicate, and the content of the last that
-- replaces (replaces = 1).
-- ?2: [[id, binding, key, replaces, payload or null, options, priority, delay_ms, at_ms], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
change AS (
  SELECT max(key), value ->> 1 AS binding, value ->> 2 AS unique_key,
    coalesce(value ->> 8, now + coalesce(value ->> 7, 0)) AS due, now
  FROM json_each(?2), clock
  WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.id = value ->> 0)
  GROUP BY value ->> 1, value ->> 2
),
content AS (
  SELECT max(key), value ->> 1 AS binding, value ->> 2 AS unique_key, 1 AS replaces,
    value ->> 4 AS payload, value ->> 5 AS options,
    coalesce(value ->> 6, (SELECT priority FROM binding WHERE name = value ->> 1), 0) AS priority
  FROM json_each(?2)
  WHERE value ->> 3 AND NOT EXISTS (SELECT 1 FROM job WHERE job.id = value ->> 0)
  GROUP BY value ->> 1, value ->> 2
)
UPDATE job SET
  due = change.due,
  rank = change.due - iif(replaces, content.priority, job.priority) * 60000,
  updated_ms = now,
  payload = iif(replaces, content.payload, job.payload),
  options = iif(replaces, content.options, job.options),
  priority = iif(replaces, content.priority, job.priority),
  status = iif(replaces, 'PENDING', status),
  failures = iif(replaces, 0, failures),
  crashes = iif(replaces, 0, crashes),
  error = iif(replaces, NULL, error)
FROM change LEFT JOIN content USING (binding, unique_key)
WHERE unique_held = 1 AND job.binding = change.binding AND job.unique_key = change.unique_key
  AND status IN ('PENDING', 'RETRY_PENDING')
