-- Every binding, by name.
SELECT name, defaults, schema, paused, last_seen_ms, limits, override, streak,
  CASE WHEN probe_at_ms IS NOT NULL
    THEN greatest(0, probe_at_ms - coalesce($1::bigint, kiribi.now_ms())) END
FROM kiribi.binding ORDER BY name
