-- A live worker that declares a schedule. $2: name
SELECT worker.id FROM kiribi.declaration JOIN kiribi.worker ON worker.id = declaration.worker
WHERE declaration.name = $2::text AND dead_reason IS NULL
  AND lease_until > coalesce($1::bigint, kiribi.now_ms())
LIMIT 1
