-- Which chosen ids are taken. $2: [id, ...]
SELECT id FROM kiribi.job WHERE id = ANY (kiribi.texts($2))
