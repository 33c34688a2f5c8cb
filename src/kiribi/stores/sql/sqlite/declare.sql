-- Note what a worker declares. ?2: worker, ?3: [[name, definition], ...]
INSERT INTO declaration (name, worker, definition)
SELECT value ->> 0, ?2, value ->> 1
FROM json_each(?3) WHERE EXISTS (SELECT 1 FROM worker WHERE id = ?2)
ON CONFLICT DO UPDATE SET definition = excluded.definition
