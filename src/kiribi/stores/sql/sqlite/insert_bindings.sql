-- Make bindings known by name. ?2: [name, ...]
INSERT INTO binding (name)
SELECT value FROM json_each(?2) WHERE true
ON CONFLICT DO NOTHING
