-- Move on to the next oldest jobs: those after ?2... of the last call, from the oldest again at the end.
-- ?2: id of the horizon, ?3: how many to read. Kept as [from, to] in meta; from is exclusive.
WITH last (id) AS (
  SELECT coalesce((SELECT value ->> 1 FROM meta WHERE key = 'pruned'), '')
)
INSERT INTO meta (key, value)
SELECT 'pruned', json_array(last.id, coalesce((
    SELECT max(id) FROM (
      SELECT job.id FROM job WHERE job.id > last.id AND job.id < ?2 ORDER BY job.id LIMIT ?3
    )
  ), ''))
FROM last WHERE true
ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value
