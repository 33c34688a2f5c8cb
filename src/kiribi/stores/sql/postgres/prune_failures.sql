-- Forget what has not gone wrong any more for so many milliseconds. $2: how many
DELETE FROM kiribi.failure WHERE last_ms < coalesce($1::bigint, kiribi.now_ms()) - $2::bigint
