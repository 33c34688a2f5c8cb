-- Extend leases of workers not buried: until then a lapsed lease has harmed nobody.
-- ?2: ids, ?3: lease_ms
UPDATE worker
SET lease_until = coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) + ?3
WHERE id IN (SELECT value FROM json_each(?2)) AND dead_reason IS NULL
RETURNING id
