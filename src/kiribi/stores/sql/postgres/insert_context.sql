-- The time and the priorities that jobs just inserted were given by default. $2: [binding, ...]
-- A transaction begun before a binding was known sees none of it: then the time alone.
SELECT now, name, priority FROM (SELECT coalesce($1::bigint, kiribi.now_ms()) AS now) AS clock
LEFT JOIN kiribi.binding ON name IN (SELECT jsonb_array_elements_text($2::jsonb))
