-- Note what the rest of this batch does, and where the next step begins. The action and the jobs are
-- locked: what stands as expected now, the rest changes. By the conditions of apply_changes and
-- reopen_jobs: the keys of what is retried were given back before.
-- $2: id, $3: lease in ms, $4: before, $5: matched, $6: skipped, $7: failed, $8: tries, $9: reason,
-- $10: [[id, holder, attempts], ...] of the changes, $11: ids to delete, $12: statuses of these
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
expected AS (
  SELECT one ->> 0 AS id, one ->> 1 AS holder, (one ->> 2)::integer AS attempts,
    one ->> 1 IN ('COMPLETED', 'FAILED', 'CANCELLED') AS ended
  FROM jsonb_array_elements($10::jsonb) AS one
),
change AS (
  SELECT count(coalesce(waits.id, past.id)) AS took,
    coalesce(
      json_agg(expected.id) FILTER (WHERE coalesce(waits.id, past.id) IS NULL), '[]'
    )::text AS missed
  FROM expected
  LEFT JOIN kiribi.job_open AS waits ON NOT ended AND waits.id = expected.id
    AND coalesce(waits.worker, waits.status) = holder AND waits.attempts = expected.attempts
  LEFT JOIN kiribi.job AS past ON past.shelf > 0 AND past.id = CASE WHEN ended THEN expected.id END
    AND past.status = holder AND past.attempts = expected.attempts
    AND (past.unique_key IS NULL OR past.unique_until <= (SELECT now FROM clock) OR EXISTS (
      SELECT 1 FROM kiribi.holder
      WHERE holder.binding = past.binding AND holder.key = past.unique_key
        AND holder.job_id = past.id
    ))
),
gone AS (
  SELECT count(*) AS number FROM kiribi.job
  WHERE id = ANY (kiribi.texts($11::text))
    AND status = ANY (kiribi.texts($12::text)) AND status <> 'PROCESSING'
)
UPDATE kiribi.action SET
  step = step + 1,
  lease_until = now + $3::bigint,
  before = $4::text,
  matched = matched + $5::bigint,
  done = done + took + number,
  skipped = skipped + $6::bigint + cardinality(kiribi.texts($11)) - number,
  failed = failed + $7::bigint,
  reason = coalesce(reason, $9::text),
  missed = change.missed,
  tries = $8::integer,
  status = CASE WHEN $4 IS NULL AND change.missed = '[]' THEN 'DONE' ELSE status END,
  updated_ms = now,
  finished_ms = CASE WHEN $4 IS NULL AND change.missed = '[]' THEN now END
FROM clock, change, gone
WHERE id = $2::text
RETURNING id, kind, filter, who, status, matched, done, skipped, failed, reason, created_ms, updated_ms,
  finished_ms, step, before, action.missed, tries
