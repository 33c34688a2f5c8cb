-- Search open jobs, few by the counters, by their index: how many match, and their ids.
-- ?2: before this id, ?3: from this id, ?4: rows to read, ?5: matches wanted, ?6: 1 for their ids;
-- what must hold, NULL for anything: ?7: bindings, ?8: statuses, ?9: text of the error,
-- ?10: [[path, type, value], ...] of the payload, ?11: fingerprint of the error,
-- ?12: failed or crashed: why it is FAILED (crashed: after three).
-- ?13: bindings to look at
WITH found AS (
  SELECT job.id, job.binding, status, crashes, error,
    coalesce(payload, (SELECT body FROM payload WHERE job_id = job.id)) AS body
  FROM json_each(?13) AS looked CROSS JOIN job
  WHERE open = 1 AND binding = looked.value AND job.id < ?2 AND job.id >= ?3
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
SELECT count(*), json_group_array(id) FILTER (WHERE ?6 = 1), NULL FROM hit
