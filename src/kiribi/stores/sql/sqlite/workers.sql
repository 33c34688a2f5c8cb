-- Every worker, newest first.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT id, host, pid, version, bindings, slots, started_ms, lease_until - now, dead_reason
FROM worker, clock ORDER BY started_ms DESC, id DESC
