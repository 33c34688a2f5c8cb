-- Forget keys without open jobs whose rate has recovered: until then it had to be remembered.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
DELETE FROM lane
WHERE turn IS NULL AND tat_us > 0 AND tat_us <= (SELECT now * 1000 FROM clock)
  AND NOT EXISTS (
    SELECT 1 FROM job WHERE open = 1 AND job.binding = lane.binding AND job.key = lane.key
  )
