-- Forget keys without open jobs whose rate has recovered: until then it had to be remembered.
DELETE FROM kiribi.lane
WHERE turn IS NULL AND tat_us > 0 AND tat_us <= coalesce($1::bigint, kiribi.now_ms()) * 1000
  AND NOT EXISTS (
    SELECT 1 FROM kiribi.job WHERE shelf = 0 AND job.binding = lane.binding AND job.key = lane.key
  )
