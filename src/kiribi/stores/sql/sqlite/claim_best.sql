-- Note down the best due jobs for a live worker: the first step of a claim.
-- ?2: worker, ?3: pool, ?4: token, ?5: held ids, ?6: bindings, ?7: how many.
-- Nothing due writes nothing; a repeated token changes nothing.
-- D1 knows numbers as floats: rates need whole ones.
WITH clock (now) AS (SELECT CAST(coalesce(?1, unixepoch('subsec') * 1000) AS INTEGER)),
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
-- For each binding, its best jobs as [place, id]. Those of its keys come one of each key in turn,
-- then the second of each; the first of them has the best rank of them all as its place, and so on.
-- Arrays, because sorting rows in tables of their own costs more than all the rest.
offered AS (
  SELECT room, (
    SELECT json_group_array(json_array(place, id)) FROM (
      SELECT rank AS place, id, 0 AS number FROM (
        SELECT rank, id FROM job AS waiting
        WHERE open = 1 AND binding = served.binding AND key IS NULL AND rank <= now
          AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
        ORDER BY rank LIMIT ?7
      )
      UNION ALL
      SELECT ranks ->> one.key, one.value, one.key FROM (
        SELECT (
            SELECT json_group_array(id) FROM (
              SELECT value ->> 0 AS id FROM json_each(of_keys)
              ORDER BY value ->> 2, value ->> 3
            )
          ) AS ids, (
            SELECT json_group_array(rank) FROM (
              SELECT value ->> 1 AS rank FROM json_each(of_keys) ORDER BY rank
            )
          ) AS ranks
        FROM (SELECT keys AS of_keys LIMIT 1)
        LIMIT 1
      ) CROSS JOIN json_each(ids) AS one
      ORDER BY place, number
    )
  ) AS jobs
  FROM (
    SELECT binding, now, room, (
      SELECT json_group_array(json_array(one.value ->> 0, one.value ->> 1, one.key, noted))
      FROM (
        SELECT key, turn FROM lane
        WHERE lane.binding = served.binding AND turn <= now ORDER BY turn LIMIT ?7
      ) AS next
      CROSS JOIN lane_gate ON lane_gate.binding = served.binding AND lane_gate.key = next.key
      CROSS JOIN json_each((
        SELECT json_group_array(json_array(id, rank)) FROM (
          SELECT id, rank FROM job AS waiting
          WHERE open = 1 AND binding = served.binding AND key = next.key AND rank <= now
            AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
          ORDER BY rank LIMIT (SELECT min(?7, max(key_slots)) FROM served)
        )
      )) AS one
      WHERE one.key < min(slots, coalesce(
        (now * 1000 + burst * interval_us - max(tat_us, now * 1000)) / interval_us, ?7
      ))
    ) AS keys
    FROM served WHERE room > 0 LIMIT -1
  ) AS served
),
allowed AS (
  SELECT one.value ->> 1 AS id FROM offered CROSS JOIN json_each(jobs) AS one
  WHERE one.key < room ORDER BY one.value ->> 0
)
INSERT INTO claim (worker, pool, token, held, fresh)
-- LIMIT would cost another table in memory, more than all the rest
SELECT ?2, ?3, ?4, ?5, fresh FROM (
  SELECT CASE
    WHEN EXISTS (
      SELECT 1 FROM clock, json_each(?6) AS asked LEFT JOIN gate ON name = asked.value
      WHERE limited = 1
        OR EXISTS (SELECT 1 FROM lane WHERE lane.binding = asked.value AND turn <= now)
    )
    THEN (
      SELECT json_group_array(value) FROM json_each((SELECT json_group_array(id) FROM allowed))
      WHERE key < ?7
    )
    -- of one binding, in the order of the index
    WHEN json_array_length(ready) = 1 THEN (
      SELECT json_group_array(id) FROM (
        SELECT id FROM job
        WHERE open = 1 AND binding = ready ->> 0 AND key IS NULL AND rank <= at
          AND due <= at AND status IN ('PENDING', 'RETRY_PENDING')
        ORDER BY rank LIMIT ?7
      )
    )
    -- of several: all of them if they are not too many, else the best
    ELSE (
      SELECT CASE WHEN json_array_length(ids) <= ?7 THEN ids ELSE (
        SELECT json_group_array(value) FROM json_each((
          SELECT json_group_array(id) FROM (
            SELECT job.id FROM json_each(ids) AS one CROSS JOIN job ON job.id = one.value
            ORDER BY job.rank
          )
        ))
        WHERE key < ?7
      ) END
      FROM (
        SELECT '[' || group_concat(substr(best, 2, length(best) - 2)) || ']' AS ids
        FROM (
          SELECT (
            SELECT json_group_array(id) FROM (
              SELECT id FROM job AS waiting
              WHERE open = 1 AND binding = served.value AND key IS NULL AND rank <= at
                AND due <= at AND status IN ('PENDING', 'RETRY_PENDING')
              ORDER BY rank LIMIT ?7
            )
          ) AS best
          FROM json_each(ready) AS served LIMIT -1
        )
      )
    ) END AS fresh
  FROM (
    -- the bindings that have due jobs
    SELECT now AS at, (
      SELECT json_group_array(served.value)
      FROM json_each(?6) AS served
      WHERE NOT EXISTS (SELECT 1 FROM binding WHERE name = served.value AND paused = 1)
        AND (
          SELECT id FROM job
          WHERE open = 1 AND binding = served.value AND key IS NULL AND rank <= now
            AND due <= now AND status IN ('PENDING', 'RETRY_PENDING')
          LIMIT 1
        ) IS NOT NULL
    ) AS ready
    FROM clock
    WHERE EXISTS (
        SELECT 1 FROM worker WHERE id = ?2 AND lease_until > now AND dead_reason IS NULL
      )
    LIMIT 1
  )
  LIMIT 1
)
WHERE fresh <> '[]'
ON CONFLICT DO UPDATE SET token = excluded.token, held = excluded.held, fresh = excluded.fresh
WHERE token <> excluded.token
