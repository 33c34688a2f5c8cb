-- Mark jobs that somebody is about to wait for, as insert_dependencies does: whoever marked them within
-- the transaction of a caller would have their workers wait for its commit. $2: [id, ...]
UPDATE kiribi.job SET awaited = true
WHERE id = ANY (kiribi.texts($2::text)) AND NOT awaited AND status <> 'COMPLETED'
