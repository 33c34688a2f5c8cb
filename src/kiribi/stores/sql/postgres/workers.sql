-- Every worker, newest first.
SELECT id, host, pid, version, bindings, slots, started_ms,
  lease_until - coalesce($1::bigint, kiribi.now_ms()), dead_reason
FROM kiribi.worker ORDER BY started_ms DESC, id DESC
