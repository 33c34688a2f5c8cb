-- The database's clock.
SELECT coalesce($1::bigint, kiribi.now_ms())
