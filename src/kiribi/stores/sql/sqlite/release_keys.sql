-- Take keys from holders that no longer count. ?2: [[binding, key, id], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
UPDATE job SET unique_held = NULL
FROM json_each(?2) AS asked, clock
WHERE job.unique_held = 1 AND job.binding = asked.value ->> 0
  AND job.unique_key = asked.value ->> 1
  AND (unique_until <= now OR status NOT IN (SELECT value FROM json_each(unique_states)))
