-- Move on to the next oldest jobs: those after where the last call stopped, at the end from the
-- oldest again. ?2: id of the horizon, ?3: how many to read.
-- Kept in meta as [from, to], from exclusive; nothing old enough and nothing to come round: no write.
WITH last (id) AS (SELECT value ->> 1 FROM meta WHERE key = 'pruned')
INSERT INTO meta (key, value)
SELECT 'pruned', json_array(last.id, coalesce((
    SELECT max(id) FROM (
      SELECT job.id FROM job WHERE job.id > last.id AND job.id < ?2 ORDER BY job.id LIMIT ?3
    )
  ), ''))
FROM last WHERE true
ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value
