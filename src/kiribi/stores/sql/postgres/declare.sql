-- Note what a worker declares, if it is known. $2: worker, $3: [[name, definition], ...]
WITH known AS (SELECT id FROM kiribi.worker WHERE id = $2::text FOR KEY SHARE)
INSERT INTO kiribi.declaration (name, worker, definition)
SELECT one ->> 0, id, one ->> 1 FROM known, jsonb_array_elements($3::jsonb) AS one ORDER BY 1
ON CONFLICT (name, worker) DO UPDATE SET definition = excluded.definition
