-- Add or update a worker with a lease from now; who is buried stays buried.
-- $2: id, $3: host, $4: pid, $5: version, $6: bindings, $7: slots, $8: lease_ms
INSERT INTO kiribi.worker AS known (id, host, pid, version, bindings, slots, started_ms, lease_until)
SELECT $2::text, $3::text, $4::bigint, $5::text, $6::text, $7::integer, now, now + $8::bigint
FROM (SELECT coalesce($1::bigint, kiribi.now_ms())) AS clock (now)
ON CONFLICT (id) DO UPDATE SET
  host = excluded.host, pid = excluded.pid, version = excluded.version,
  bindings = excluded.bindings, slots = excluded.slots, lease_until = excluded.lease_until
WHERE known.dead_reason IS NULL
