-- Make bindings known by name. $2: [name, ...]
INSERT INTO kiribi.binding (name)
SELECT jsonb_array_elements_text($2::jsonb) ORDER BY 1
ON CONFLICT DO NOTHING
