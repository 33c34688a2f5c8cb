-- The longest-waiting due job, of the best ten of each unpaused binding, of its first ten keys in turn,
-- and of ten that have not been heard of yet: since when, and its id.
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
served AS (SELECT name, now FROM kiribi.binding, clock WHERE NOT paused),
plain AS (
  SELECT one.* FROM served CROSS JOIN LATERAL (
    SELECT due, id FROM kiribi.job
    WHERE shelf = 0 AND binding = served.name AND key IS NULL AND rank <= now AND due <= now
      AND status IN ('PENDING', 'RETRY_PENDING')
    ORDER BY rank LIMIT 10
  ) AS one
),
keyed AS (
  SELECT gate.due, head.id
  FROM served
  CROSS JOIN LATERAL (
    SELECT array_agg(key) AS keys FROM (
      (SELECT key FROM kiribi.lane WHERE binding = served.name AND turn <= now ORDER BY turn LIMIT 10)
      UNION
      (SELECT DISTINCT key FROM kiribi.lane_event WHERE binding = served.name LIMIT 10)
    ) AS next
  ) AS next
  CROSS JOIN LATERAL kiribi.lane_gates(served.name, keys) AS gate
  CROSS JOIN LATERAL (
    SELECT id FROM kiribi.job
    WHERE shelf = 0 AND binding = served.name AND key = gate.key AND status <> 'PROCESSING'
    ORDER BY due LIMIT 1
  ) AS head
  WHERE keys IS NOT NULL AND slots > 0 AND greatest(gate.due, served_ms, opens_ms) <= now
)
SELECT due, id
FROM clock LEFT JOIN (SELECT * FROM plain UNION ALL SELECT * FROM keyed) AS waiting ON true
ORDER BY due LIMIT 1
