-- Declare dead whose lease has lapsed.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
UPDATE worker SET dead_reason = 'its lease lapsed' FROM clock
WHERE lease_until <= now AND dead_reason IS NULL
