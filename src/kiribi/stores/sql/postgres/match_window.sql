-- Search newest first: how many match, their ids, and where reading stopped short of the end.
-- $2: before this id, $3: from this id, $4: rows to read, $5: matches wanted, $6: 1 for their ids;
-- what must hold, NULL for anything: $7: bindings, $8: statuses, $9: text of the error,
-- $10: [[path, type, value], ...] of the payload, $11: fingerprint of the error,
-- $12: failed or crashed: why it is FAILED (crashed: after three).
WITH field AS MATERIALIZED (
  SELECT kiribi.path(one ->> 0) AS path, one -> 2 AS value
  FROM jsonb_array_elements(kiribi.readable($10)) AS one
),
looked AS (
  SELECT id, binding, status, crashes, error, payload
  FROM kiribi.job WHERE id < $2::text AND id >= $3::text ORDER BY id DESC LIMIT $4::bigint
),
hit AS (
  SELECT id FROM looked WHERE
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
        kiribi.readable(coalesce(payload, (SELECT body FROM kiribi.payload WHERE job_id = looked.id))),
        path, '{}', true
      ) = value IS NOT TRUE
    ))
  ORDER BY id DESC LIMIT $5::bigint
)
SELECT count(*), CASE WHEN $6::integer = 1 THEN coalesce(json_agg(id), '[]')::text END,
  CASE WHEN count(*) < $5 THEN (
    SELECT id FROM kiribi.job WHERE id < $2 AND id >= $3 ORDER BY id DESC LIMIT 1 OFFSET $4 - 1
  ) END
FROM hit
