-- Search open jobs, few by the counters: how many match, and their ids.
-- $2: before this id, $3: from this id, $4: rows to read, $5: matches wanted, $6: 1 for their ids;
-- what must hold, NULL for anything: $7: bindings, $8: statuses, $9: text of the error,
-- $10: [[path, type, value], ...] of the payload, $11: fingerprint of the error,
-- $12: failed or crashed: why it is FAILED (crashed: after three).
-- $13: bindings to look at
WITH field AS MATERIALIZED (
  SELECT kiribi.path(one ->> 0) AS path, one -> 2 AS value
  FROM jsonb_array_elements(kiribi.readable($10)) AS one
),
found AS (
  -- by the two indexes of a binding's jobs: the order of the answer would lead through all jobs
  SELECT one.* FROM unnest(kiribi.texts($13)) AS looked (binding) CROSS JOIN LATERAL (
    SELECT id, binding, status, crashes, error, payload FROM kiribi.job
    WHERE shelf = 0 AND binding = looked.binding AND key IS NULL
    UNION ALL
    SELECT id, binding, status, crashes, error, payload FROM kiribi.job
    WHERE shelf = 0 AND binding = looked.binding AND key IS NOT NULL
  ) AS one
  WHERE id < $2::text AND id >= $3::text AND $4::bigint IS NOT NULL
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
SELECT count(*), CASE WHEN $6::integer = 1 THEN coalesce(json_agg(id), '[]')::text END, NULL::text FROM hit
