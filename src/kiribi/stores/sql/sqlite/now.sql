-- The database's clock.
SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
