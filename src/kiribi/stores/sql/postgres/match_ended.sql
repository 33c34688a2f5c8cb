-- Search FAILED and CANCELLED by the index of their shelves: how many match, their ids, and where reading
-- stopped.
-- $2: before this id, $3: from this id, $4: rows to read, $5: matches wanted, $6: 1 for their ids;
-- what must hold, NULL for anything: $7: bindings, $8: statuses, $9: text of the error,
-- $10: [[path, type, value], ...] of the payload, $11: fingerprint of the error,
-- $12: failed or crashed: why it is FAILED (crashed: after three).
-- $13: [[status, binding], ...] to look at, each for $4 rows.
-- Shelves of the COMPLETED are left out by their constraints: see make_shelf.
WITH field AS MATERIALIZED (
  SELECT kiribi.path(one ->> 0) AS path, one -> 2 AS value
  FROM jsonb_array_elements(kiribi.readable($10)) AS one
),
pair AS MATERIALIZED (
  SELECT one ->> 0 AS status, one ->> 1 AS binding FROM jsonb_array_elements(kiribi.readable($13)) AS one
),
stop (id) AS MATERIALIZED (
  SELECT max((
    SELECT id FROM kiribi.job
    WHERE job.status = pair.status AND job.binding = pair.binding
      AND shelf > 0 AND job.status IN ('FAILED', 'CANCELLED') AND id < $2::text AND id >= $3::text
    ORDER BY id DESC LIMIT 1 OFFSET $4::bigint - 1
  )) FROM pair
),
found AS (
  SELECT ended.* FROM pair CROSS JOIN LATERAL (
    SELECT id, binding, status, crashes, error, payload
    FROM kiribi.job
    WHERE job.status = pair.status AND job.binding = pair.binding
      AND shelf > 0 AND job.status IN ('FAILED', 'CANCELLED')
      AND id < $2 AND id >= $3 AND id >= coalesce((SELECT id FROM stop), '')
    ORDER BY id DESC LIMIT $4
  ) AS ended
),
hit AS (
  SELECT id FROM found WHERE
    ($7::text IS NULL OR binding = ANY (ARRAY(SELECT unnest(kiribi.texts($7)))))
    AND ($8::text IS NULL OR status = ANY (ARRAY(SELECT unnest(kiribi.texts($8)))))
    AND ($9::text IS NULL OR position(lower($9) IN lower(
      (kiribi.readable(error) ->> 0) || ': ' || (kiribi.readable(error) ->> 1)
    )) > 0)
    AND ($11::text IS NULL OR kiribi.readable(error) ->> 3 = $11)
    AND ($12::text IS NULL
      OR status = 'FAILED' AND CASE WHEN crashes >= 3 THEN 'crashed' ELSE 'failed' END = $12)
    AND ($10::text IS NULL OR NOT EXISTS (
      SELECT 1 FROM field
      WHERE jsonb_path_query_first(
        kiribi.readable(coalesce(payload, (SELECT body FROM kiribi.payload WHERE job_id = found.id))),
        path, '{}', true
      ) = value IS NOT TRUE
    ))
  ORDER BY id DESC LIMIT $5::bigint
)
SELECT count(*), CASE WHEN $6::integer = 1 THEN coalesce(json_agg(id), '[]')::text END,
  CASE WHEN count(*) < $5 THEN (SELECT id FROM stop) END
FROM hit
