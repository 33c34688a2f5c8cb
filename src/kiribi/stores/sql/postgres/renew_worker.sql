-- Extend the lease of a worker that lives, as it now presents itself.
-- $2: id, $3: host, $4: pid, $5: version, $6: bindings, $7: slots, $8: lease_ms
UPDATE kiribi.worker SET host = $3::text, pid = $4::bigint, version = $5::text, bindings = $6::text,
  slots = $7::integer, lease_until = coalesce($1::bigint, kiribi.now_ms()) + $8::bigint
WHERE id = $2::text AND dead_reason IS NULL
RETURNING id
