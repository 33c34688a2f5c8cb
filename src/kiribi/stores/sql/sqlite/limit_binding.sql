-- Set limits of a binding, known or not, over those its workers register.
-- ?2: name, ?3: {limit: value, or false for none}; NULL: none is set any more
INSERT INTO binding (name, override) VALUES (?2, ?3)
ON CONFLICT DO UPDATE SET override = json_patch(coalesce(override, '{}'), excluded.override)
