-- A live worker that declares a schedule. ?2: name
SELECT worker.id FROM declaration CROSS JOIN worker ON worker.id = declaration.worker
WHERE declaration.name = ?2 AND dead_reason IS NULL
  AND lease_until > coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
LIMIT 1
