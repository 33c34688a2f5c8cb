-- The keys of unique jobs, in which statuses and until when they hold them, and who does now, until
-- when. ?2: ids
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
SELECT job.id, job.unique_key, job.unique_states, job.unique_until,
  holder.id AS holder, holder.unique_until AS held_until
FROM json_each(?2) AS asked, clock CROSS JOIN job ON job.id = asked.value
LEFT JOIN job AS holder ON holder.unique_held = 1 AND holder.binding = job.binding
  AND holder.unique_key = job.unique_key
  AND (holder.unique_until IS NULL OR holder.unique_until > now)
  AND holder.status IN (SELECT value FROM json_each(holder.unique_states))
WHERE job.unique_key IS NOT NULL AND (job.unique_until IS NULL OR job.unique_until > now)
