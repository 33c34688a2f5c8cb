-- Stop ($3 = 1) or resume (0) claiming a binding's jobs, known or not; watchers see it. $2: name
WITH noted AS (
  INSERT INTO kiribi.tally (at_ms, binding, changes)
  SELECT now - now % 60000, $2::text, 1
  FROM (SELECT coalesce($1::bigint, kiribi.now_ms())) AS clock (now)
  WHERE ($3::integer = 1) <> coalesce((SELECT paused FROM kiribi.binding WHERE name = $2), false)
)
INSERT INTO kiribi.binding AS known (name, paused) VALUES ($2, $3 = 1)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused WHERE known.paused <> excluded.paused
