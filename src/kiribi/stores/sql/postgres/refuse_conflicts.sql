-- Abort the batch if a chosen id exists with other content (conflicting_ids.sql says which).
-- $2: [[id, binding, payload, options], ...]
INSERT INTO kiribi.id_conflict (id)
SELECT job.id
FROM jsonb_array_elements(kiribi.readable($2)) AS new
JOIN kiribi.job ON job.id = new ->> 0
LEFT JOIN kiribi.payload ON payload.job_id = job.id
WHERE job.binding <> new ->> 1
  OR NOT kiribi.same_json(coalesce(job.payload, body), new ->> 2)
  OR NOT kiribi.same_json(coalesce(options, '{}'), coalesce(new ->> 3, '{}'))
