-- An action. $2: id
SELECT id, kind, filter, who, status, matched, done, skipped, failed, reason, created_ms, updated_ms,
  finished_ms, step, before, missed, tries
FROM kiribi.action WHERE id = $2::text
