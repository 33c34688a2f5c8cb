-- Have the open holders of keys stay as they are until the end: a duplicate may change them.
-- $2: [[id, binding, key, ...], ...], of keys that are locked
SELECT kiribi.lock_open(ARRAY(
  SELECT job_id FROM jsonb_array_elements($2::jsonb) AS asked
  JOIN kiribi.holder ON binding = asked ->> 1 AND key = asked ->> 2
))
