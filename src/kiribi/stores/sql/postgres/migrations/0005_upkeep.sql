-- What keeps the rest in order: functions that lock first and decide in the next statement.

-- Ids

-- Have the jobs of these ids that exist stay on their shelf until the end of the transaction. One that
-- somebody moves meanwhile is looked for again: see lock_open.
CREATE FUNCTION kiribi.keep_ids(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    BEGIN
      PERFORM FROM kiribi.job WHERE id = ANY (ids) ORDER BY id FOR KEY SHARE;
      RETURN;
    EXCEPTION WHEN serialization_failure THEN
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE;
      END IF;
    END;
  END LOOP;
END $$;

-- Let nobody else store jobs of these ids either. Ids share a thousand locks, of which a transaction
-- needs some of the room that the server has for the locks of all.
CREATE FUNCTION kiribi.lock_ids(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('kiribi.job ' || place, 0))
  FROM (SELECT DISTINCT hashtextextended(id, 0) & 1023 AS place FROM unnest(ids) AS id ORDER BY place) AS locks;
  PERFORM kiribi.keep_ids(ids);
END $$;

-- Workers

-- Whoever declares a worker dead, or forgets it, waits for what it is claiming just now; a claim finds
-- out only then whether its worker lives. So a rescue that follows sees all that was claimed.
CREATE FUNCTION kiribi.lock_worker(id text) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_xact_lock(hashtextextended('kiribi.worker ' || id, 0)) $$;

-- Forget a worker that holds no job (and, by cascade, what it declares).
CREATE FUNCTION kiribi.dismiss_worker(gone text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM kiribi.lock_worker(gone);
  IF NOT EXISTS (
    SELECT 1 FROM kiribi.job
    WHERE shelf = 0 AND status = 'PROCESSING' AND job.worker = gone AND job.id = ANY (ARRAY(
      SELECT unnest(held || fresh) FROM kiribi.claim WHERE claim.worker = gone
    ))
  ) THEN
    DELETE FROM kiribi.claim WHERE claim.worker = gone;
    DELETE FROM kiribi.worker WHERE worker.id = gone;
  END IF;
END $$;

-- Append to the logs of jobs that exist; again: only what is not there yet.
CREATE FUNCTION kiribi.append_log(lines text, again boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    BEGIN
      INSERT INTO kiribi.log (job_id, seq, attempt, at_ms, level, message)
      SELECT job.id,
        coalesce((SELECT max(seq) FROM kiribi.log WHERE job_id = job.id), 0)
          + row_number() OVER (PARTITION BY job.id ORDER BY place),
        (line ->> 1)::integer, (line ->> 2)::bigint, line ->> 3, line ->> 4
      FROM jsonb_array_elements(kiribi.readable(lines)) WITH ORDINALITY AS said (line, place)
      JOIN kiribi.job ON job.id = line ->> 0
      WHERE NOT again OR NOT EXISTS (
        SELECT 1 FROM kiribi.log
        WHERE job_id = job.id AND attempt = (line ->> 1)::integer AND at_ms = (line ->> 2)::bigint
          AND level = line ->> 3 AND message = line ->> 4
      )
      ORDER BY job.id, place;
      RETURN;
    EXCEPTION WHEN unique_violation THEN
      NULL; -- somebody else appended to one of these logs: this goes after that
    END;
  END LOOP;
END $$;

-- Figures

-- Two counts by bucket as one: see stat.
CREATE FUNCTION kiribi.both(one text, other text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN one = '{}' THEN other WHEN other = '{}' THEN one ELSE (
    SELECT json_object_agg(bucket, number)::text FROM (
      SELECT bucket, sum(value::bigint) AS number FROM (
        SELECT * FROM json_each_text(one::json) UNION ALL SELECT * FROM json_each_text(other::json)
      ) AS said (bucket, value) GROUP BY bucket
    ) AS each
  ) END
$$;

-- The past

-- The text that the ids of a time, and no earlier ones, sort after.
CREATE FUNCTION kiribi.id_bound(ms bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT left(hex, 8) || '-' || right(hex, 4) FROM (SELECT lpad(to_hex(greatest(0, ms)), 12, '0')) AS id (hex)
$$;

-- The numbers of the shelves that there are.
CREATE FUNCTION kiribi.shelves() RETURNS SETOF integer LANGUAGE sql STABLE AS $$
  SELECT substring(relname FROM '^job_ended_(\d+)$')::integer
  FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
  WHERE inhparent = 'kiribi.job'::regclass AND relname ~ '^job_ended_\d+$'
$$;

-- Whether a transaction that began a while ago has looked at a table: it would hold up whoever wants it
-- for himself, and he all others.
CREATE FUNCTION kiribi.looked_at(name text) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'relation' AND relation = name::regclass AND pid <> pg_backend_pid()
      AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND xact_start < clock_timestamp() - interval '1 second'
  )
$$;

-- Remove all jobs of a shelf and what belongs to them; how many, and [[id, status], ...] of those that
-- others still wait for. Nothing is answered where somebody is in the way.
CREATE FUNCTION kiribi.empty_shelf(number integer, time_ms bigint)
RETURNS TABLE (emptied bigint, awaited text) LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
  at bigint := coalesce(time_ms, kiribi.now_ms());
  shelf text := format('kiribi.%I', 'job_ended_' || number);
  first text;
  last text;
  belongs text;
  found integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('kiribi.prune', 0))
    OR to_regclass(shelf) IS NULL OR kiribi.looked_at(shelf)
  THEN
    RETURN;
  END IF;
  -- nobody changes these jobs any more; whoever only looks at them still may
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', shelf);
  EXECUTE format('SELECT min(id), max(id) FROM %s', shelf) INTO first, last;
  emptied := 0;
  IF first IS NOT NULL THEN
    EXECUTE format($sql$
      WITH counted AS (
        INSERT INTO kiribi.tally (at_ms, binding, completed, failed, cancelled, changes)
        SELECT $1 - $1 %% 60000, binding,
          nullif(-count(*) FILTER (WHERE status = 'COMPLETED'), 0),
          nullif(-count(*) FILTER (WHERE status = 'FAILED'), 0),
          nullif(-count(*) FILTER (WHERE status = 'CANCELLED'), 0), count(*)
        FROM %s GROUP BY binding
        RETURNING changes
      )
      SELECT sum(changes) FROM counted
    $sql$, shelf) INTO emptied USING at;
    -- what there is none of, at that time, costs no look at all the jobs
    FOREACH belongs IN ARRAY ARRAY['payload', 'log', 'step', 'dependency'] LOOP
      EXECUTE format('SELECT 1 FROM kiribi.%I WHERE job_id >= $1 AND job_id <= $2 LIMIT 1', belongs)
        INTO found USING first, last;
      IF found IS NOT NULL THEN
        EXECUTE format(
          'DELETE FROM kiribi.%I WHERE job_id >= $1 AND job_id <= $2 AND job_id IN (SELECT id FROM %s)',
          belongs, shelf
        ) USING first, last;
      END IF;
    END LOOP;
    IF EXISTS (SELECT 1 FROM kiribi.holder) THEN
      EXECUTE format($sql$
        DELETE FROM kiribi.holder USING %s AS gone
        WHERE gone.unique_key IS NOT NULL AND holder.binding = gone.binding
          AND holder.key = gone.unique_key AND holder.job_id = gone.id
      $sql$, shelf);
    END IF;
    IF EXISTS (SELECT 1 FROM kiribi.dependency WHERE on_id >= first AND on_id <= last) THEN
      EXECUTE format($sql$
        SELECT json_agg(json_build_array(on_id, status))::text FROM (
          SELECT DISTINCT on_id, gone.status FROM kiribi.dependency JOIN %s AS gone ON gone.id = on_id
          WHERE on_id >= $1 AND on_id <= $2
            AND coalesce(outcome, '') NOT IN ('COMPLETED', 'WAIVED', 'DELETED')
        ) AS ended
      $sql$, shelf) INTO awaited USING first, last;
    END IF;
    EXECUTE format('TRUNCATE %s', shelf);
  END IF;
  RETURN NEXT;
EXCEPTION WHEN lock_not_available THEN
  RETURN;
END $$;

-- Take an empty shelf away; whether that was done. Whoever wants to see any job waits for it: so not
-- while somebody has looked at one for long.
CREATE FUNCTION kiribi.drop_shelf(number integer) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
  shelf text := format('kiribi.%I', 'job_ended_' || number);
  empty boolean;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('kiribi.prune', 0))
    OR to_regclass(shelf) IS NULL OR kiribi.looked_at('kiribi.job')
  THEN
    RETURN false;
  END IF;
  LOCK TABLE ONLY kiribi.job IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %s)', shelf) INTO empty;
  IF empty THEN
    EXECUTE format('DROP TABLE %s', shelf);
  END IF;
  RETURN empty;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END $$;

UPDATE kiribi.meta SET value = value::integer + 1 WHERE key = 'schema_version';
