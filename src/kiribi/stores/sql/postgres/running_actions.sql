-- Actions to carry out, the oldest first, and whether they may be taken. $2: how many
SELECT id, kind, filter, who, status, matched, done, skipped, failed, reason, created_ms, updated_ms,
  finished_ms, step, before, missed, tries,
  lease_until <= coalesce($1::bigint, kiribi.now_ms()) AS free
FROM kiribi.action WHERE status = 'RUNNING' ORDER BY id LIMIT $2::bigint
