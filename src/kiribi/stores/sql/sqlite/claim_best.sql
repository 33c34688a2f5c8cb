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
      WHERE open = 1 AND binding = served.value AND key IS NULL AND rank <= now
        AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
      ORDER BY rank LIMIT ?7
    )
  ORDER BY job.rank
),
-- All that follows is not even begun unless a binding has limits, or keys whose turn it is.
-- room: how many jobs the binding may give
served AS MATERIALIZED (
  SELECT asked.value AS binding, now, max(coalesce(key_concurrency, 1), 1) AS key_slots,
    CASE WHEN opens_ms > now THEN 0 ELSE min(
      ?7,
      coalesce(slots, ?7),
      coalesce((now * 1000 + burst * interval_us - max(coalesce(tat_us, 0), now * 1000))
        / interval_us, ?7)
    ) END AS room
  FROM clock, json_each(?6) AS asked LEFT JOIN gate ON name = asked.value
  WHERE EXISTS (
      SELECT 1 FROM worker WHERE id = ?2 AND lease_until > now AND dead_reason IS NULL
    )
    AND paused IS NOT 1
),
-- the best jobs without a key, and those of the keys whose turn it is
due AS (
  SELECT served.binding, room, job.id, rank, NULL AS key, rank AS turn, 1 AS round, 1 AS free
  FROM served CROSS JOIN job
  WHERE room > 0 AND job.id IN (
    SELECT id FROM job AS waiting
    WHERE open = 1 AND binding = served.binding AND key IS NULL AND rank <= now
      AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
    ORDER BY rank LIMIT ?7
  )
  UNION ALL
  SELECT served.binding, room, job.id, rank, lane.key, lane.turn,
    row_number() OVER (PARTITION BY lane.binding, lane.key ORDER BY rank),
    min(slots, coalesce((now * 1000 + burst * interval_us - max(lane_gate.tat_us, now * 1000))
      / interval_us, ?7))
  FROM served
  CROSS JOIN lane ON lane.binding = served.binding AND lane.key IN (
    SELECT key FROM lane AS next
    WHERE next.binding = served.binding AND next.turn <= now ORDER BY next.turn LIMIT ?7
  )
  CROSS JOIN lane_gate ON lane_gate.binding = lane.binding AND lane_gate.key = lane.key
  CROSS JOIN job
  WHERE room > 0 AND job.id IN (
    SELECT id FROM job AS waiting
    WHERE open = 1 AND binding = lane.binding AND key = lane.key AND rank <= now
      AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
    ORDER BY rank LIMIT (SELECT min(?7, max(key_slots)) FROM served)
  )
),
-- one job of each key in turn, then their second; it competes with the best rank behind it
queued AS (
  SELECT binding, room, id, round, turn, min(rank) OVER (
    PARTITION BY binding, key IS NULL ORDER BY round, turn
    ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
  ) AS place
  FROM due WHERE round <= free
),
allowed AS (
  SELECT id FROM (
    SELECT *, row_number() OVER (PARTITION BY binding ORDER BY place, round, turn) AS number
    FROM queued
  )
  WHERE number <= room ORDER BY place, round, turn
)
INSERT INTO claim (worker, pool, token, held, fresh)
-- LIMIT would cost another table in memory, more than all the rest
SELECT ?2, ?3, ?4, ?5, json_group_array(value)
FROM json_each(CASE
  WHEN EXISTS (
    SELECT 1 FROM clock, json_each(?6) AS asked LEFT JOIN gate ON name = asked.value
    WHERE limited = 1
      OR EXISTS (SELECT 1 FROM lane WHERE lane.binding = asked.value AND turn <= now)
  )
  THEN (SELECT json_group_array(id) FROM allowed)
  ELSE (SELECT json_group_array(id) FROM best) END)
WHERE key < ?7 HAVING count(*) > 0
ON CONFLICT DO UPDATE SET token = excluded.token, held = excluded.held, fresh = excluded.fresh
WHERE token <> excluded.token
