-- Tell lanes that jobs came. ?2: [[binding, key], ...]; a key whose jobs were there before has none.
INSERT INTO lane_event (binding, key)
SELECT value ->> 0, value ->> 1 FROM json_each(?2)
WHERE EXISTS (
  SELECT 1 FROM job WHERE open = 1 AND binding = value ->> 0 AND key = value ->> 1
)
