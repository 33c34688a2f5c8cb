-- Let nobody else store jobs of these ids until the end, and have those that exist stay on their shelf: an
-- id is unique over all shelves. $2: [id, ...]
SELECT kiribi.lock_ids(kiribi.texts($2))
