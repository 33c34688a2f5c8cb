-- What went wrong, by cause, what happened last first.
-- $2: last seen since, $3: bindings; NULL: all, $4: how many
SELECT fingerprint, binding, type, origin, message, job_id, number, first_ms, last_ms
FROM kiribi.failure
WHERE last_ms >= $2::bigint AND ($3::text IS NULL OR binding = ANY (kiribi.texts($3)))
ORDER BY last_ms DESC LIMIT $4::bigint
