-- Extend leases of workers not buried: until then a lapsed lease has harmed nobody.
-- $2: ids, $3: lease_ms
WITH living AS (
  SELECT id FROM kiribi.worker WHERE id = ANY (kiribi.texts($2)) AND dead_reason IS NULL
  ORDER BY id FOR NO KEY UPDATE
)
UPDATE kiribi.worker SET lease_until = coalesce($1::bigint, kiribi.now_ms()) + $3::bigint
FROM living WHERE worker.id = living.id
RETURNING worker.id
