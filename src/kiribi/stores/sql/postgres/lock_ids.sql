-- Let nobody else store jobs of these ids until the end: an id is unique over all shelves. $2: [id, ...]
SELECT pg_advisory_xact_lock(hashtextextended('kiribi.job ' || id, 0))
FROM (SELECT DISTINCT jsonb_array_elements_text($2::jsonb) AS id ORDER BY id) AS asked
