-- Take a key from its holder, if that no longer counts. ?2: binding, ?3: key
UPDATE job SET unique_held = NULL
WHERE unique_held = 1 AND binding = ?2 AND unique_key = ?3
  AND (unique_until <= coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    OR status NOT IN (SELECT value FROM json_each(unique_states)))
