-- Extend the lease of a worker that lives, as it now presents itself.
-- ?2: id, ?3: host, ?4: pid, ?5: version, ?6: bindings, ?7: slots, ?8: lease_ms
UPDATE worker SET host = ?3, pid = ?4, version = ?5, bindings = ?6, slots = ?7,
  lease_until = coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) + ?8
WHERE id = ?2 AND dead_reason IS NULL
RETURNING id
