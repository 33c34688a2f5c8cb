-- What statements need that decide by what others may change at the same moment: they lock first.

-- Unique keys

-- Whether a job holds its key by its own rule: in which states, and until when.
CREATE FUNCTION kiribi.counts(status text, states text, until_ms bigint, at bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE AS
$$ SELECT states::jsonb ? status AND (until_ms IS NULL OR until_ms > at) $$;

-- Whether a job may hold its key after it has ended.
CREATE FUNCTION kiribi.lasts(states text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT states::jsonb ?| '{COMPLETED,FAILED,CANCELLED}' $$;

-- Whether a job that has ended holds its key. A function, so that who need not look on all shelves
-- does not open them.
CREATE FUNCTION kiribi.counts_ended(job_id text, at bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (
    SELECT 1 FROM kiribi.job
    WHERE shelf > 0 AND id = job_id AND kiribi.counts(status, unique_states, unique_until, at)
  );
END $$;

-- Who holds which keys, by status; until when, it says itself.
CREATE VIEW kiribi.holding AS
SELECT holder.binding, holder.key, holder.job_id,
  coalesce(waits.unique_until, ended.unique_until) AS until_ms
FROM kiribi.holder
LEFT JOIN kiribi.job_open AS waits ON waits.id = holder.job_id
LEFT JOIN kiribi.job AS ended
  ON ended.shelf > 0 AND ended.id = CASE WHEN lasts AND waits.id IS NULL THEN holder.job_id END
WHERE coalesce(waits.unique_states, ended.unique_states)::jsonb ? coalesce(waits.status, ended.status);

-- Locks

-- Have these open jobs stay as they are until the end of the transaction. One that somebody moves to
-- its shelf meanwhile cannot be locked where it was: then all are looked for again. As they end only
-- once, that ends; but not in a transaction that sees no later state, which therefore gives up.
CREATE FUNCTION kiribi.lock_open(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    BEGIN
      PERFORM FROM kiribi.job_open WHERE id = ANY (ids) ORDER BY id FOR UPDATE;
      RETURN;
    EXCEPTION WHEN serialization_failure THEN
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE;
      END IF;
    END;
  END LOOP;
END $$;

-- The same for jobs on all shelves.
CREATE FUNCTION kiribi.lock_jobs(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    BEGIN
      PERFORM FROM kiribi.job WHERE id = ANY (ids) ORDER BY id FOR UPDATE;
      RETURN;
    EXCEPTION WHEN serialization_failure THEN
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE;
      END IF;
    END;
  END LOOP;
END $$;

UPDATE kiribi.meta SET value = value::integer + 1 WHERE key = 'schema_version';
