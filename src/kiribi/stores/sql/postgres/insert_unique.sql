-- Store new unique jobs, the first of each key that is free, count them and tell their keys' lanes; an
-- id that exists stays as it is. Answers which were not stored, and who holds their keys.
-- $2 to $12: id, binding, payload or null, options, priority, delay_ms, at_ms, unique key, states,
-- within_ms, concurrency_key of each
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
asked AS (
  SELECT asked.*, now
  FROM clock, unnest(
    $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::bigint[],
    $9::text[], $10::text[], $11::bigint[], $12::text[]
  ) WITH ORDINALITY AS asked (
    id, binding, payload, options, priority, delay_ms, at_ms, unique_key, states, within_ms, key, place
  )
  WHERE NOT EXISTS (SELECT 1 FROM kiribi.job WHERE job.id = asked.id) -- again
),
held AS (
  SELECT asked.id, job_id
  FROM asked JOIN kiribi.holder ON holder.binding = asked.binding AND holder.key = asked.unique_key
  LEFT JOIN kiribi.job_open AS waits ON waits.id = job_id
  WHERE CASE
    WHEN waits.id IS NULL THEN lasts AND kiribi.counts_ended(job_id, now)
    ELSE kiribi.counts(waits.status, waits.unique_states, waits.unique_until, now) END
),
free AS (
  SELECT DISTINCT ON (binding, unique_key) * FROM asked
  WHERE NOT EXISTS (SELECT 1 FROM held WHERE held.id = asked.id)
  ORDER BY binding, unique_key, place
),
stored AS (
  INSERT INTO kiribi.job_open (id, binding, status, rank, due, priority, updated_ms, payload, options,
    key, unique_key, unique_states, unique_until)
  SELECT id, binding, 'PENDING', due - priority * 60000, due, priority, now, payload, options, key,
    unique_key, states, now + within_ms
  FROM (
    SELECT free.id, free.binding, payload, options, key, unique_key, states, within_ms, now,
      coalesce(free.priority, known.priority, 0) AS priority,
      coalesce(at_ms, now + coalesce(delay_ms, 0)) AS due
    FROM free LEFT JOIN kiribi.binding AS known ON known.name = free.binding
  ) AS new
  ON CONFLICT DO NOTHING
  RETURNING id, binding, key, unique_key, unique_states
),
taken AS (
  UPDATE kiribi.holder SET job_id = stored.id, lasts = kiribi.lasts(unique_states)
  FROM stored WHERE holder.binding = stored.binding AND holder.key = stored.unique_key
),
counted AS (
  INSERT INTO kiribi.tally (at_ms, binding, pending, enqueued, changes)
  SELECT now - now % 60000, binding, count(*), count(*), count(*)
  FROM stored, clock GROUP BY now, binding
),
told AS (
  INSERT INTO kiribi.lane_event (binding, key)
  SELECT DISTINCT binding, key FROM stored WHERE key IS NOT NULL
)
SELECT asked.id, coalesce(held.job_id, free.id)
FROM asked LEFT JOIN held USING (id) LEFT JOIN free USING (binding, unique_key)
WHERE coalesce(held.job_id, free.id) <> asked.id
