-- Actions, newest first. $2: before this id, $3: how many
SELECT id, kind, filter, who, status, matched, done, skipped, failed, reason, created_ms, updated_ms,
  finished_ms, step, before, missed, tries
FROM kiribi.action WHERE id < $2::text ORDER BY id DESC LIMIT $3::bigint
