-- Add or update a worker with a lease from now; who is buried stays buried.
-- ?2: id, ?3: host, ?4: pid, ?5: version, ?6: bindings, ?7: slots, ?8: lease_ms
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
INSERT INTO worker (id, host, pid, version, bindings, slots, started_ms, lease_until)
SELECT ?2, ?3, ?4, ?5, ?6, ?7, now, now + ?8 FROM clock WHERE true
ON CONFLICT DO UPDATE SET
  host = excluded.host, pid = excluded.pid, version = excluded.version,
  bindings = excluded.bindings, slots = excluded.slots, lease_until = excluded.lease_until
WHERE dead_reason IS NULL
