-- Which chosen ids are taken. ?2: [id, ...]
SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?2))
