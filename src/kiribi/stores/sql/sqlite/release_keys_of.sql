-- Take the keys of jobs to be retried from holders that no longer count. ?2: ids
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER)))
UPDATE job SET unique_held = NULL
WHERE id IN (
  SELECT holder.id
  FROM json_each(?2) AS asked CROSS JOIN job AS again ON again.id = asked.value
  CROSS JOIN job AS holder ON holder.unique_held = 1 AND holder.binding = again.binding
    AND holder.unique_key = again.unique_key
  CROSS JOIN clock
  WHERE holder.id NOT IN (SELECT value FROM json_each(?2))
    AND (holder.unique_until <= now
      OR holder.status NOT IN (SELECT value FROM json_each(holder.unique_states)))
)
