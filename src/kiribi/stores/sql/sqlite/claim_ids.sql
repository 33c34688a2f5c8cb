-- Note down these jobs, as far as they are due, for a live worker: the first step of a claim.
-- ?2: worker, ?3: pool, ?4: token, ?5: held ids, ?6: bindings, ?7: how many, ?8: ids.
-- D1 knows numbers as floats: rates need whole ones.
WITH clock (now) AS (SELECT CAST(coalesce(?1, unixepoch('subsec') * 1000) AS INTEGER)),
due AS (
  SELECT job.id, binding, job.key, rank, now,
    row_number() OVER (PARTITION BY binding, job.key ORDER BY rank) AS round
  FROM json_each(?8) AS chosen, clock CROSS JOIN job ON job.id = chosen.value
  WHERE EXISTS (
      SELECT 1 FROM worker WHERE id = ?2 AND lease_until > now AND dead_reason IS NULL
    )
    AND binding IN (SELECT value FROM json_each(?6))
    AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
),
-- what the limits of keys let pass
passed AS (
  SELECT id, due.binding, rank, now,
    row_number() OVER (PARTITION BY due.binding ORDER BY rank) AS number
  FROM due
  WHERE key IS NULL OR round <= (
    SELECT min(slots, coalesce((now * 1000 + burst * interval_us - max(tat_us, now * 1000))
      / interval_us, round))
    FROM lane_gate WHERE lane_gate.binding = due.binding AND lane_gate.key = due.key
  )
),
best AS (
  SELECT id
  FROM passed LEFT JOIN gate ON name = binding
  WHERE paused IS NOT 1 AND coalesce(opens_ms, 0) <= now
    AND number <= coalesce(slots, number)
    AND number <= coalesce((now * 1000 + burst * interval_us - max(coalesce(tat_us, 0), now * 1000))
      / interval_us, number)
  ORDER BY rank LIMIT ?7
)
INSERT INTO claim (worker, pool, token, held, fresh)
SELECT ?2, ?3, ?4, ?5, json_group_array(id) FROM best WHERE true HAVING count(*) > 0
ON CONFLICT DO UPDATE SET token = excluded.token, held = excluded.held, fresh = excluded.fresh
WHERE token <> excluded.token
