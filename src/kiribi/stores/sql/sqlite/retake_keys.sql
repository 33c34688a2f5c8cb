-- Give jobs to be retried their keys back, where these are free. ?2: ids
UPDATE OR IGNORE job SET unique_held = 1
WHERE id IN (SELECT value FROM json_each(?2)) AND unique_key IS NOT NULL AND unique_held IS NULL
  AND (unique_until IS NULL
    OR unique_until > coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
