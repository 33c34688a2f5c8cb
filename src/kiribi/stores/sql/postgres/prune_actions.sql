-- Remove actions that ended long ago. $2: the first id to keep, $3: ended before
DELETE FROM kiribi.action WHERE id < $2::text AND status <> 'RUNNING' AND finished_ms < $3::bigint
