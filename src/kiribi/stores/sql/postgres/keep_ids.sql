-- Have the jobs of these ids that exist stay on their shelf until the end. $2: [id, ...]
SELECT kiribi.keep_ids(kiribi.texts($2))
