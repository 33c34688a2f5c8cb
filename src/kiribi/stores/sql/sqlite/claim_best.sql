-- Note down the best due jobs for a live worker: the first step of a claim.
-- ?2: worker, ?3: pool, ?4: token, ?5: held ids, ?6: bindings, ?7: how many.
-- Nothing due writes nothing; a repeated token changes nothing.
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
best AS (
  SELECT job.id
  FROM json_each(?6) AS served, clock CROSS JOIN job
  WHERE EXISTS (
      SELECT 1 FROM worker WHERE id = ?2 AND lease_until > now AND dead_reason IS NULL
    )
    AND NOT EXISTS (SELECT 1 FROM binding WHERE name = served.value AND paused = 1)
    AND job.id IN (
      SELECT id FROM job AS waiting
      WHERE open = 1 AND binding = served.value AND rank <= now
        AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
      ORDER BY rank LIMIT ?7
    )
  ORDER BY job.rank LIMIT ?7
)
INSERT INTO claim (worker, pool, token, held, fresh)
SELECT ?2, ?3, ?4, ?5, json_group_array(id) FROM best WHERE true HAVING count(*) > 0
ON CONFLICT DO UPDATE SET token = excluded.token, held = excluded.held, fresh = excluded.fresh
WHERE token <> excluded.token
