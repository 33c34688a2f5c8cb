-- Note what the rest of this batch does, and where the next step begins. By the conditions of
-- apply_changes: the keys of what is retried were given back before.
-- ?2: id, ?3: lease in ms, ?4: before, ?5: matched, ?6: skipped, ?7: failed, ?8: tries, ?9: reason,
-- ?10: [[id, holder, attempts], ...] of the changes, ?11: ids to delete, ?12: statuses of these
WITH clock (now) AS (SELECT coalesce(?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))),
change AS MATERIALIZED (
  SELECT count(job.id) AS took, json_group_array(value ->> 0) FILTER (WHERE job.id IS NULL) AS missed
  FROM json_each(?10) LEFT JOIN job
    ON job.id = value ->> 0 AND coalesce(worker, job.status) = value ->> 1 AND attempts = value ->> 2
      AND (open = 1 OR unique_key IS NULL OR unique_held = 1
        OR unique_until <= (SELECT now FROM clock))
),
gone AS MATERIALIZED (
  SELECT count(*) AS number FROM job
  WHERE id IN (SELECT value FROM json_each(?11))
    AND job.status IN (SELECT value FROM json_each(?12)) AND job.status <> 'PROCESSING'
)
UPDATE action SET
  step = step + 1,
  lease_until = now + ?3,
  before = ?4,
  matched = matched + ?5,
  done = done + took + number,
  skipped = skipped + ?6 + json_array_length(?11) - number,
  failed = failed + ?7,
  reason = coalesce(reason, ?9),
  missed = change.missed,
  tries = ?8,
  status = iif(?4 IS NULL AND change.missed = '[]', 'DONE', status),
  updated_ms = now,
  finished_ms = iif(?4 IS NULL AND change.missed = '[]', now, NULL)
FROM clock, change, gone
WHERE id = ?2
RETURNING id, kind, filter, who, status, matched, done, skipped, failed, reason, created_ms, updated_ms,
  finished_ms, step, before, missed, tries
