-- Have these open jobs stay as they are until the end, for those who look before they change.
-- $2: [id, ...]
SELECT kiribi.lock_open(kiribi.texts($2::text))
