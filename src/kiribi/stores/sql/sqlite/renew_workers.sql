-- Extend leases of workers not buried: until then a lapsed lease has harmed nobody.
-- ?2: ids, ?3: lease_ms
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
UPDATE worker SET lease_until = now + ?3 FROM clock
WHERE id IN (SELECT value FROM json_each(?2)) AND dead_reason IS NULL
RETURNING id
