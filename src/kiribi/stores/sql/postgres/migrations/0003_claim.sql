-- The claim, in a function: what limits allow is counted in the statement after the one that takes the
-- lock, because a statement counts from the snapshot before its own lock.

-- How many jobs of a binding run, by key: from what live claims noted down, never from the backlog.
CREATE FUNCTION kiribi.running(bound text) RETURNS TABLE (key text, number bigint) LANGUAGE sql STABLE AS $$
  SELECT job.key, count(*) FROM kiribi.job
  WHERE job.shelf = 0 AND job.status = 'PROCESSING' AND job.binding = bound
    -- an array leads to the ids whatever the planner thinks there is, as a join may not
    AND job.id = ANY (ARRAY(SELECT unnest(held || fresh) FROM kiribi.claim))
  GROUP BY job.key
$$;

-- What each of these keys allows: how many of its jobs may run still, and from when on; whether it has
-- open jobs. Of a key that has no lane yet, nothing is remembered. In plpgsql because a function in SQL is
-- planned anew in each statement that calls it, which takes longer than to carry it out. LATERAL and LIMIT
-- look a lane up by its key: a planner that has seen few lanes would read all those of the binding.
CREATE FUNCTION kiribi.lane_gates(bound text, keys text[])
RETURNS TABLE (
  key text, slots bigint, due bigint, interval_us bigint, burst bigint, tat_us bigint, opens_ms bigint,
  served_ms bigint, in_use boolean
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT gate.key, coalesce(binding.key_concurrency, 1) - coalesce(gate.running, 0), gate.due,
    binding.key_interval_us, binding.key_burst, coalesce(gate.tat_us, 0),
    coalesce((gate.tat_us - (binding.key_burst - 1) * binding.key_interval_us + 999) / 1000, 0),
    coalesce(gate.served_ms, 0), gate.running IS NOT NULL OR gate.due IS NOT NULL
  FROM (
    SELECT asked.key, running.number AS running, lane.tat_us, lane.served_ms, (
        SELECT job.due FROM kiribi.job
        WHERE job.shelf = 0 AND job.binding = bound AND job.key = asked.key AND job.status <> 'PROCESSING'
        ORDER BY job.due LIMIT 1
      ) AS due
    FROM unnest(keys) AS asked (key)
    LEFT JOIN LATERAL (
      SELECT tat_us, served_ms FROM kiribi.lane
      WHERE lane.binding = bound AND lane.key = asked.key LIMIT 1
    ) AS lane ON true
    LEFT JOIN kiribi.running(bound) AS running ON running.key = asked.key
    OFFSET 0 -- else a planner would look for `due` as often as it is named
  ) AS gate
  LEFT JOIN kiribi.binding ON binding.name = bound;
END $$;
-- else each key is compared with each that runs
ALTER FUNCTION kiribi.lane_gates SET enable_nestloop = off;

-- Bring the turns of these lanes up to date; a lane without open jobs goes, unless its rate has to be
-- kept. Whoever calls this holds the lock of the binding, so that lanes stay where they are.
CREATE FUNCTION kiribi.turn_lanes(bound text, keys text[], at bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  unused text[];
BEGIN
  WITH gate AS MATERIALIZED (
    SELECT gates.key, in_use, CASE WHEN slots > 0 AND due IS NOT NULL
      THEN greatest(due, gates.served_ms, opens_ms) END AS turn
    FROM kiribi.lane_gates(bound, keys) AS gates
  ),
  turned AS (
    UPDATE kiribi.lane SET turn = place.turn
    FROM (
      SELECT gate.turn, one.place FROM gate CROSS JOIN LATERAL (
        SELECT lane.ctid AS place FROM kiribi.lane
        WHERE lane.binding = bound AND lane.key = gate.key AND lane.turn IS DISTINCT FROM gate.turn LIMIT 1
      ) AS one
    ) AS place
    WHERE lane.ctid = place.place
  )
  SELECT array_agg(gate.key) FILTER (WHERE NOT in_use) INTO unused FROM gate;
  IF unused IS NOT NULL THEN
    DELETE FROM kiribi.lane
    WHERE ctid = ANY (ARRAY(
        SELECT one.place FROM unnest(unused) AS asked (key) CROSS JOIN LATERAL (
          SELECT lane.ctid AS place FROM kiribi.lane
          WHERE lane.binding = bound AND lane.key = asked.key LIMIT 1
        ) AS one
      ))
      AND turn IS NULL AND tat_us <= at * 1000
      AND NOT EXISTS (
        SELECT 1 FROM kiribi.job
        WHERE job.shelf = 0 AND job.binding = bound AND job.key = lane.key
      );
  END IF;
END $$;

-- Let lanes hear what happened to their jobs. Whoever calls this holds the lock of the binding.
CREATE FUNCTION kiribi.hear_lanes(bound text, at bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  keys text[];
BEGIN
  WITH heard AS (DELETE FROM kiribi.lane_event WHERE binding = bound RETURNING key)
  SELECT array_agg(DISTINCT key) INTO keys FROM heard;
  IF keys IS NOT NULL THEN
    INSERT INTO kiribi.lane (binding, key) SELECT bound, unnest(keys) ON CONFLICT DO NOTHING;
    PERFORM kiribi.turn_lanes(bound, keys, at);
  END IF;
END $$;

CREATE FUNCTION kiribi.lock_binding(bound text) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_xact_lock(hashtextextended('kiribi.claim ' || bound, 0)) $$;

-- What the limits of a binding allow: how many of at most `wanted` jobs may start now.
CREATE FUNCTION kiribi.room(bound text, at bigint, wanted integer) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN greatest(
      coalesce((tat_us - (burst - 1) * interval_us + 999) / 1000, 0), coalesce(probe_at_ms, 0)
    ) > at THEN 0 ELSE least(
      wanted,
      CASE WHEN concurrency IS NOT NULL OR probe_at_ms IS NOT NULL THEN greatest(0,
        CASE WHEN probe_at_ms IS NULL THEN concurrency ELSE 1 END
        - (SELECT coalesce(sum(number), 0) FROM kiribi.running(bound))
      ) END,
      (at * 1000 + burst * interval_us - greatest(coalesce(tat_us, 0), at * 1000)) / interval_us
    ) END::bigint
  FROM kiribi.binding WHERE name = bound
$$;

-- The best due jobs of a binding with limits or keys. Those of its keys come one of each key in turn,
-- then the second of each; the first of them has the best rank of them all as its place, and so on.
CREATE FUNCTION kiribi.offered(bound text, at bigint, wanted integer, room bigint)
RETURNS TABLE (place bigint, id text) LANGUAGE sql STABLE AS $$
  WITH plain AS (
    SELECT rank AS place, job.id, 0::bigint AS number FROM kiribi.job
    WHERE shelf = 0 AND binding = bound AND key IS NULL AND rank <= at AND due <= at
      AND status IN ('PENDING', 'RETRY_PENDING')
    ORDER BY rank LIMIT wanted
  ),
  next AS (
    SELECT key, turn FROM kiribi.lane
    WHERE binding = bound AND turn <= at ORDER BY turn, key LIMIT wanted
  ),
  keyed AS (
    SELECT one.id, one.rank, one.round, turn, next.key
    FROM next
    JOIN kiribi.lane_gates(bound, ARRAY(SELECT key FROM next)) AS gate ON gate.key = next.key
    CROSS JOIN LATERAL (
      -- limited before they are numbered, which would read all that wait
      SELECT best.id, rank, row_number() OVER (ORDER BY rank) AS round FROM (
        SELECT job.id, rank FROM kiribi.job
        WHERE shelf = 0 AND binding = bound AND job.key = next.key AND rank <= at AND due <= at
          AND status IN ('PENDING', 'RETRY_PENDING')
        ORDER BY rank
        LIMIT least(wanted, greatest(0, gate.slots), coalesce(
          (at * 1000 + gate.burst * gate.interval_us - greatest(gate.tat_us, at * 1000)) / gate.interval_us,
          wanted
        ))
      ) AS best
    ) AS one
  ),
  placed AS (
    SELECT ranked.rank AS place, ordered.id, ordered.number
    FROM (SELECT keyed.id, row_number() OVER (ORDER BY round, turn, key) AS number FROM keyed) AS ordered
    JOIN (SELECT rank, row_number() OVER (ORDER BY rank) AS number FROM keyed) AS ranked USING (number)
  )
  SELECT both_.place, both_.id FROM (SELECT * FROM plain UNION ALL SELECT * FROM placed) AS both_
  ORDER BY both_.place, both_.number LIMIT room
$$;

-- Of chosen jobs of a binding, the due ones that its limits and those of their keys let pass.
CREATE FUNCTION kiribi.passed(bound text, at bigint, chosen text[], room bigint)
RETURNS TABLE (place bigint, id text) LANGUAGE sql STABLE AS $$
  WITH due AS (
    SELECT job.id, job.key, rank, row_number() OVER (PARTITION BY job.key ORDER BY rank) AS round
    FROM kiribi.job
    WHERE shelf = 0 AND job.id = ANY (chosen) AND binding = bound AND due <= at
      AND status IN ('PENDING', 'RETRY_PENDING')
  )
  SELECT rank, due.id
  FROM due LEFT JOIN kiribi.lane_gates(bound, ARRAY(SELECT DISTINCT key FROM due)) AS gate USING (key)
  WHERE key IS NULL OR round <= least(slots, coalesce(
    (at * 1000 + burst * interval_us - greatest(tat_us, at * 1000)) / interval_us, round
  ))
  ORDER BY rank LIMIT room
$$;

-- Take the best due jobs for a live worker.
--   call: a token of this claim; repeated: it may have been carried out, then its jobs are answered
--   last: the token of this pool's last claim that took something; were_held: what of it is not settled
--   floors: for each binding asked for, the rank below which nothing waits; NULL if that is not known
--   chosen: take only these
CREATE FUNCTION kiribi.claim(
  time_ms bigint, for_worker text, for_pool text, call text, repeated boolean, last text,
  were_held text[], asked text[], floors bigint[], wanted integer, chosen text[]
)
RETURNS TABLE (
  id text, binding text, status text, payload text, options text, priority integer, attempts integer,
  failures integer, crashes integer, due bigint, updated_ms bigint, started_ms bigint,
  finished_ms bigint, worker text, cancel_requested boolean, result text, error text, progress text,
  history text, looked_us bigint -- how long it took to find them
)
LANGUAGE plpgsql SET jit = off AS $$
#variable_conflict use_column
DECLARE
  at bigint := coalesce(time_ms, kiribi.now_ms());
  began timestamptz := clock_timestamp();
  plain text[];
  limited text[];
  ids text[];
  was text[];
  places bigint[];
  found record;
  bound text;
  looked bigint;
  picked text[] := '{}';
  picked_was text[] := '{}';
  picked_of text[] := '{}';
  picked_keys text[] := '{}';
BEGIN
  -- undone by a loss of power, together with all that came after it, the job is due again
  PERFORM set_config('synchronous_commit', 'off', true);
  IF repeated AND EXISTS (SELECT 1 FROM kiribi.claim WHERE token = call) THEN
    RETURN QUERY SELECT job.id, job.binding, job.status, coalesce(job.payload, body), job.options,
      job.priority, job.attempts, job.failures, job.crashes, job.due, job.updated_ms, job.started_ms,
      job.finished_ms, job.worker, job.cancel_requested, job.result, job.error, job.progress, NULL, 0::bigint
    FROM kiribi.job LEFT JOIN kiribi.payload ON job_id = job.id
    WHERE job.shelf = 0 AND job.status = 'PROCESSING' AND job.worker = for_worker
      AND job.id IN (SELECT unnest(fresh) FROM kiribi.claim WHERE token = call);
    RETURN;
  END IF;
  -- whoever declares the worker dead waits for this claim, or it finds that out in the next statement
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('kiribi.worker ' || for_worker, 0));
  IF NOT EXISTS (
    SELECT 1 FROM kiribi.worker
    WHERE worker.id = for_worker AND lease_until > at AND dead_reason IS NULL
  ) THEN
    RETURN;
  END IF;

  SELECT array_agg(name) FILTER (WHERE NOT special), array_agg(name ORDER BY name) FILTER (WHERE special)
  INTO plain, limited
  FROM (
    SELECT one.name, coalesce(concurrency, interval_us, probe_at_ms) IS NOT NULL
      OR CASE WHEN chosen IS NULL
        THEN EXISTS (SELECT 1 FROM kiribi.lane WHERE lane.binding = one.name AND turn <= at)
        ELSE EXISTS (
          SELECT 1 FROM kiribi.job WHERE shelf = 0 AND job.id = ANY (chosen)
            AND job.binding = one.name AND job.key IS NOT NULL
        ) END
      OR EXISTS (SELECT 1 FROM kiribi.lane_event WHERE lane_event.binding = one.name) AS special
    FROM unnest(asked) AS one (name) LEFT JOIN kiribi.binding AS known ON known.name = one.name
    WHERE paused IS NOT TRUE
  ) AS sorted;

  IF limited IS NULL AND cardinality(plain) = 1 AND chosen IS NULL THEN
    SELECT array_agg(one.id), array_agg(one.status), array_agg(one.binding)
    INTO picked, picked_was, picked_of FROM (
      SELECT job.id, job.status, job.binding FROM kiribi.job
      WHERE shelf = 0 AND job.binding = plain[1] AND key IS NULL AND rank <= at AND job.due <= at
        AND rank >= coalesce(floors[array_position(asked, plain[1])], -9223372036854775808)
        AND job.status IN ('PENDING', 'RETRY_PENDING')
      ORDER BY rank LIMIT wanted FOR UPDATE SKIP LOCKED
    ) AS one;
  ELSE
    IF limited IS NOT NULL THEN
      FOREACH bound IN ARRAY limited LOOP
        PERFORM kiribi.lock_binding(bound);
      END LOOP;
      at := coalesce(time_ms, kiribi.clock_ms());
    END IF;
    FOREACH bound IN ARRAY coalesce(limited, '{}') LOOP
      PERFORM kiribi.hear_lanes(bound, at);
      -- counted only now, under the lock
      IF chosen IS NULL THEN
        SELECT ids || array_agg(offer.id), places || array_agg(offer.place) INTO ids, places
        FROM kiribi.offered(bound, at, wanted, coalesce(kiribi.room(bound, at, wanted), wanted)) AS offer;
      ELSE
        SELECT ids || array_agg(offer.id), places || array_agg(offer.place) INTO ids, places
        FROM kiribi.passed(bound, at, chosen, coalesce(kiribi.room(bound, at, wanted), wanted)) AS offer;
      END IF;
    END LOOP;
    IF limited IS NOT NULL THEN
      at := coalesce(time_ms, kiribi.clock_ms()); -- what made room had ended before they start
    END IF;
    -- Those that another claim has locked meanwhile are passed by; then there may be more to take.
    DECLARE
      seen text[] := '{}';
      these text[];
    BEGIN
      LOOP
        SELECT array_agg(best.id) INTO these FROM (
          SELECT candidate.id FROM (
            SELECT offer.id, offer.place FROM unnest(ids, places) AS offer (id, place)
            UNION ALL
            SELECT one.id, one.rank
            FROM unnest(plain) AS served (name) CROSS JOIN LATERAL (
              SELECT job.id, rank FROM kiribi.job
              WHERE shelf = 0 AND job.binding = served.name AND key IS NULL AND rank <= at
                AND job.due <= at AND job.status IN ('PENDING', 'RETRY_PENDING')
                AND rank >= coalesce(floors[array_position(asked, served.name)], -9223372036854775808)
                AND job.id <> ALL (seen)
              ORDER BY rank LIMIT wanted
            ) AS one
            WHERE chosen IS NULL
            UNION ALL
            SELECT job.id, rank FROM kiribi.job
            -- else it would look at all that waits to find none
            WHERE chosen IS NOT NULL AND shelf = 0 AND job.id = ANY (chosen)
              AND job.binding = ANY (plain) AND key IS NULL
              AND job.due <= at AND job.status IN ('PENDING', 'RETRY_PENDING')
          ) AS candidate
          WHERE candidate.id <> ALL (seen)
          ORDER BY candidate.place LIMIT wanted - cardinality(picked)
        ) AS best;
        EXIT WHEN these IS NULL;
        SELECT picked || coalesce(array_agg(one.id), '{}'),
          picked_was || coalesce(array_agg(one.status), '{}'),
          picked_of || coalesce(array_agg(one.binding), '{}'),
          picked_keys || coalesce(array_agg(one.key), '{}')
        INTO picked, picked_was, picked_of, picked_keys FROM (
          SELECT job.id, job.status, job.binding, job.key FROM kiribi.job
          WHERE shelf = 0 AND job.id = ANY (these) AND job.due <= at
            AND job.status IN ('PENDING', 'RETRY_PENDING')
          FOR UPDATE SKIP LOCKED
        ) AS one;
        seen := seen || these;
        EXIT WHEN cardinality(picked) >= wanted;
      END LOOP;
    END;
  END IF;
  IF picked IS NULL OR cardinality(picked) = 0 THEN
    RETURN;
  END IF;

  looked := extract(epoch FROM clock_timestamp() - began) * 1000000;
  DELETE FROM kiribi.claim WHERE token = last;
  INSERT INTO kiribi.claim (token, worker, pool, held, fresh)
  VALUES (call, for_worker, for_pool, were_held, picked);
  RETURN QUERY WITH taken AS (
    UPDATE kiribi.job SET status = 'PROCESSING', attempts = job.attempts + 1, worker = for_worker,
      started_ms = at, finished_ms = NULL, updated_ms = at, progress = NULL
    -- no join: a planner that has seen the table empty would compare each row with each of these
    WHERE job.shelf = 0 AND job.id = ANY (picked)
    RETURNING job.*
  ),
  part AS (
    SELECT taken.binding, count(*) AS number, sum(at - taken.due) AS waited,
      kiribi.bucket(at - taken.due) AS bucket
    FROM taken GROUP BY taken.binding, kiribi.bucket(at - taken.due)
  ),
  retried AS (
    SELECT one.binding, count(*) AS number FROM unnest(picked_of, picked_was) AS one (binding, was)
    WHERE was = 'RETRY_PENDING' GROUP BY one.binding
  ),
  counted AS (
    INSERT INTO kiribi.tally (at_ms, binding, pending, retry_pending, processing, changes, waits, wait_ms,
      wait_buckets)
    SELECT at - at % 60000, part.binding, coalesce(retried.number, 0) - sum(part.number),
      -retried.number, sum(part.number), sum(part.number), sum(part.number), sum(waited),
      json_object_agg(bucket, part.number)
    FROM part LEFT JOIN retried USING (binding) GROUP BY part.binding, retried.number
  )
  SELECT taken.id, taken.binding, taken.status,
    coalesce(taken.payload, (SELECT body FROM kiribi.payload WHERE job_id = taken.id)), taken.options,
    taken.priority, taken.attempts, taken.failures, taken.crashes, taken.due, taken.updated_ms,
    taken.started_ms, taken.finished_ms, taken.worker, taken.cancel_requested, taken.result, taken.error,
    taken.progress, NULL, looked
  FROM taken;

  IF limited IS NOT NULL THEN
    UPDATE kiribi.binding SET
      tat_us = CASE WHEN interval_us IS NOT NULL
        THEN greatest(coalesce(tat_us, 0), at * 1000) + started.number * interval_us ELSE tat_us END,
      probe_at_ms = CASE WHEN budget IS NOT NULL AND probe_at_ms IS NOT NULL
        THEN at + probe_ms ELSE probe_at_ms END
    FROM (
      SELECT one.binding, count(*) AS number FROM unnest(picked_of) AS one (binding) GROUP BY one.binding
    ) AS started
    WHERE name = started.binding AND coalesce(interval_us, probe_at_ms) IS NOT NULL;
    FOR found IN
      WITH started AS (
        SELECT one.binding, one.key, count(*) AS number
        FROM unnest(picked_of, picked_keys) AS one (binding, key) WHERE one.key IS NOT NULL
        GROUP BY one.binding, one.key
      ),
      served AS (
        UPDATE kiribi.lane SET served_ms = at,
          tat_us = coalesce(greatest(lane.tat_us, at * 1000) + started.number * key_interval_us, 0)
        FROM started LEFT JOIN kiribi.binding AS known ON known.name = started.binding
        WHERE lane.binding = started.binding AND lane.key = started.key
        RETURNING lane.binding, lane.key
      )
      SELECT served.binding AS bound, array_agg(served.key) AS keys FROM served GROUP BY served.binding
    LOOP
      PERFORM kiribi.turn_lanes(found.bound, found.keys, at);
    END LOOP;
  END IF;
END $$;

-- Milliseconds until a job of unpaused bindings can be claimed; NULL: not within the next second.
CREATE FUNCTION kiribi.next_due(time_ms bigint, asked text[], floors bigint[]) RETURNS bigint
LANGUAGE plpgsql SET jit = off AS $$
DECLARE
  at bigint := coalesce(time_ms, kiribi.now_ms());
  bound text;
BEGIN
  FOR bound IN
    SELECT name FROM unnest(asked) AS one (name)
    WHERE EXISTS (SELECT 1 FROM kiribi.lane_event WHERE binding = one.name) ORDER BY name
  LOOP
    PERFORM kiribi.lock_binding(bound);
    PERFORM kiribi.hear_lanes(bound, at);
  END LOOP;
  RETURN (
    SELECT min(greatest(0, opens_ms - at, least(head.due, head.turn) - at)) FROM (
      SELECT greatest(
          coalesce((tat_us - (burst - 1) * interval_us + 999) / 1000, 0), coalesce(probe_at_ms, 0)
        ) AS opens_ms,
        CASE WHEN concurrency IS NOT NULL OR probe_at_ms IS NOT NULL THEN
          CASE WHEN probe_at_ms IS NULL THEN concurrency ELSE 1 END
          - (SELECT coalesce(sum(number), 0) FROM kiribi.running(served.name)) END AS slots,
        (
          SELECT min(waiting.due) FROM (
            SELECT job.due FROM kiribi.job
            WHERE shelf = 0 AND binding = served.name AND key IS NULL AND rank <= at + 1000
              -- what limits have held back is not below any floor: see offered
              AND rank >= CASE WHEN coalesce(concurrency, interval_us, probe_at_ms) IS NULL
                THEN coalesce(floors[place], -9223372036854775808) ELSE -9223372036854775808 END
              AND job.due <= at + 1000 AND status IN ('PENDING', 'RETRY_PENDING')
            ORDER BY rank LIMIT 20
          ) AS waiting
        ) AS due,
        (
          SELECT min(lane.turn) FROM kiribi.lane
          WHERE lane.binding = served.name AND lane.turn <= at + 1000
        ) AS turn
      FROM unnest(asked) WITH ORDINALITY AS served (name, place)
      LEFT JOIN kiribi.binding AS known ON known.name = served.name
      WHERE paused IS NOT TRUE
    ) AS head
    WHERE (slots > 0) IS NOT FALSE AND opens_ms <= at + 1000
      AND least(head.due, head.turn) IS NOT NULL
  );
END $$;

-- What is read is the head of an index, however much or little there is, and whatever the planner thinks
-- there is: it may have looked before the jobs came. To read all and sort it looks cheaper to it until
-- there are a million; and of the plans of a function it would make five for the first five calls.
ALTER FUNCTION kiribi.claim SET enable_seqscan = off;
ALTER FUNCTION kiribi.claim SET enable_bitmapscan = off;
ALTER FUNCTION kiribi.claim SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION kiribi.next_due SET enable_seqscan = off;
ALTER FUNCTION kiribi.next_due SET enable_bitmapscan = off;
ALTER FUNCTION kiribi.next_due SET plan_cache_mode = force_generic_plan;

UPDATE kiribi.meta SET value = value::integer + 1 WHERE key = 'schema_version';
