-- What the limits of a job's binding and key allow now, and who is in their way.
-- ?2: id of the job, ?3: how many of those to name
WITH subject AS (SELECT binding, key FROM job WHERE id = ?2),
running AS (
  SELECT job.id FROM subject CROSS JOIN job
  WHERE job.id IN (
      SELECT value FROM claim, json_each(held) UNION SELECT value FROM claim, json_each(fresh)
    )
    AND job.status = 'PROCESSING' AND job.binding = subject.binding
),
alike AS (
  SELECT job.id FROM subject CROSS JOIN job
    ON job.binding = subject.binding AND job.key = subject.key AND job.status = 'PROCESSING'
)
SELECT concurrency, (SELECT count(*) FROM running) AS running,
  (SELECT json_group_array(id) FROM (SELECT id FROM running ORDER BY id LIMIT ?3)) AS holders,
  coalesce((binding.tat_us - (burst - 1) * interval_us + 999) / 1000, 0) AS opens_ms,
  streak, probe_at_ms,
  subject.key AS key, coalesce(key_concurrency, 1) AS key_concurrency,
  (SELECT count(*) FROM alike) AS key_running,
  (SELECT json_group_array(id) FROM (SELECT id FROM alike ORDER BY id LIMIT ?3)) AS key_holders,
  coalesce((lane.tat_us - (key_burst - 1) * key_interval_us + 999) / 1000, 0) AS key_opens_ms
FROM subject CROSS JOIN binding ON binding.name = subject.binding
LEFT JOIN lane ON lane.binding = subject.binding AND lane.key = subject.key
