-- Who holds keys and counts. ?2: [[binding, key, id], ...]
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT asked.value ->> 2, job.id
FROM json_each(?2) AS asked, clock
CROSS JOIN job ON unique_held = 1 AND job.binding = asked.value ->> 0
  AND unique_key = asked.value ->> 1
WHERE job.id <> asked.value ->> 2
  AND (unique_until IS NULL OR unique_until > now)
  AND status IN (SELECT value FROM json_each(unique_states))
