-- Set limits of a binding, known or not, over those its workers register; watchers see that they change.
-- $2: name, $3: {limit: value, or false for none}; NULL: none is set any more
WITH known AS (SELECT override FROM kiribi.binding WHERE name = $2::text),
noted AS (
  INSERT INTO kiribi.tally (at_ms, binding, changes)
  SELECT now - now % 60000, $2, 1 FROM (SELECT coalesce($1::bigint, kiribi.now_ms())) AS clock (now)
  WHERE coalesce((SELECT override FROM known), '{}')::jsonb <> coalesce($3::text, '{}')::jsonb
)
INSERT INTO kiribi.binding AS known (name, override) VALUES ($2, $3)
ON CONFLICT (name) DO UPDATE
SET override = (coalesce(known.override, '{}')::jsonb || excluded.override::jsonb)::text
