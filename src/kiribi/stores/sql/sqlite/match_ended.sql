-- Search FAILED and CANCELLED by their index: how many match, their ids, and where reading stopped.
-- ?2: before this id, ?3: from this id, ?4: rows to read, ?5: matches wanted, ?6: 1 for their ids;
-- what must hold, NULL for anything: ?7: bindings, ?8: statuses, ?9: text of the error,
-- ?10: [[path, type, value], ...] of the payload, ?11: fingerprint of the error,
-- ?12: failed or crashed: why it is FAILED (crashed: after three).
-- ?13: [[status, binding], ...] to look at, each for ?4 rows
WITH looked AS (
  SELECT value ->> 0 AS status, value ->> 1 AS binding FROM json_each(?13)
),
stop (id) AS MATERIALIZED (
  SELECT max((
    SELECT id FROM job
    WHERE status = looked.status AND binding = looked.binding
      AND status IN ('FAILED', 'CANCELLED') AND id < ?2 AND id >= ?3
    ORDER BY id DESC LIMIT 1 OFFSET ?4 - 1
  )) FROM looked
),
found AS (
  SELECT job.id, job.binding, job.status, crashes, error,
    coalesce(payload, (SELECT body FROM payload WHERE job_id = job.id)) AS body
  FROM looked CROSS JOIN job
  WHERE job.id IN (
    SELECT id FROM job AS ended
    WHERE ended.status = looked.status AND ended.binding = looked.binding
      AND status IN ('FAILED', 'CANCELLED')
      AND id < ?2 AND id >= max(?3, coalesce((SELECT id FROM stop), ''))
    ORDER BY id DESC LIMIT ?4
  )
),
fitting AS (
  SELECT id FROM found WHERE
    (?7 IS NULL OR binding IN (SELECT value FROM json_each(?7)))
    AND (?8 IS NULL OR status IN (SELECT value FROM json_each(?8)))
    AND (?9 IS NULL OR instr(lower((error ->> 0) || ': ' || (error ->> 1)), lower(?9)))
    AND (?11 IS NULL OR error ->> 3 = ?11)
    AND (?12 IS NULL OR status = 'FAILED' AND iif(crashes >= 3, 'crashed', 'failed') = ?12)
    AND (?10 IS NULL OR NOT EXISTS (
      SELECT 1 FROM json_each(?10) AS field
      WHERE CASE field.value ->> 1
        WHEN 'number' THEN json_type(body, field.value ->> 0) IN ('integer', 'real')
        ELSE json_type(body, field.value ->> 0) = field.value ->> 1
      END IS NOT 1 OR body ->> (field.value ->> 0) IS NOT field.value ->> 2
    ))
  ORDER BY id DESC LIMIT -1
),
-- apart from the order: to keep the best while sorting, SQLite reads one more row for each
hit AS (
  SELECT id FROM fitting LIMIT ?5
)
SELECT count(*), json_group_array(id) FILTER (WHERE ?6 = 1),
  CASE WHEN count(*) < ?5 THEN (SELECT id FROM stop) END
FROM hit
