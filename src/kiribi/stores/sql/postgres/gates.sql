-- What the limits of a job's binding and key allow now, and who is in their way.
-- $2: id of the job, $3: how many of those to name
WITH subject AS (SELECT binding, key FROM kiribi.job WHERE id = $2::text),
running AS MATERIALIZED (
  SELECT job.id, job.key
  FROM (SELECT DISTINCT unnest(held || fresh) AS id FROM kiribi.claim) AS noted
  JOIN kiribi.job ON job.id = noted.id
  WHERE job.shelf = 0 AND job.status = 'PROCESSING' AND job.binding = (SELECT binding FROM subject)
),
alike AS (SELECT id FROM running WHERE key = (SELECT key FROM subject))
SELECT concurrency, (SELECT count(*) FROM running),
  (SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT id FROM running ORDER BY id LIMIT $3::bigint
  ) AS named),
  coalesce((binding.tat_us - (burst - 1) * interval_us + 999) / 1000, 0),
  streak, probe_at_ms,
  subject.key, coalesce(key_concurrency, 1), (SELECT count(*) FROM alike),
  (SELECT coalesce(json_agg(id), '[]')::text FROM (SELECT id FROM alike ORDER BY id LIMIT $3) AS named),
  coalesce((lane.tat_us - (key_burst - 1) * key_interval_us + 999) / 1000, 0)
FROM subject JOIN kiribi.binding ON binding.name = subject.binding
LEFT JOIN kiribi.lane ON lane.binding = subject.binding AND lane.key = subject.key
