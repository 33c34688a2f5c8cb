-- The time and the priorities that jobs just inserted were given by default. $2: [binding, ...]
SELECT coalesce($1::bigint, kiribi.now_ms()), name, priority FROM kiribi.binding
WHERE name IN (SELECT jsonb_array_elements_text($2::jsonb))
