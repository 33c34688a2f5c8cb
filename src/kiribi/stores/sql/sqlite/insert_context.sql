-- The time and the priorities that jobs just inserted were given by default. ?2: [binding, ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT now, name, coalesce(priority, 0)
FROM clock, json_each(?2) AS asked CROSS JOIN binding ON name = asked.value
