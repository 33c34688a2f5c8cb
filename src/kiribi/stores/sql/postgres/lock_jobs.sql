-- Have these jobs stay as they are until the end, for those who look before they change. $2: [id, ...]
SELECT id FROM kiribi.job
WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) ORDER BY id FOR UPDATE
