-- Unique jobs: a job holds its key until another takes it over, and that only where the holder no
-- longer counts: its status is none of unique_states, or unique_until has passed. Whoever enqueues
-- next finds out. Claims and settles touch neither these columns nor their index.

-- unique_states: a JSON list. unique_held: 1 until another takes the key over.
ALTER TABLE job ADD COLUMN unique_key TEXT;
ALTER TABLE job ADD COLUMN unique_states TEXT;
ALTER TABLE job ADD COLUMN unique_until INTEGER;
ALTER TABLE job ADD COLUMN unique_held INTEGER;

CREATE UNIQUE INDEX job_unique ON job (binding, unique_key) WHERE unique_held = 1;

-- Never holds a row: whatever is inserted here aborts the batch it came with.
CREATE TABLE duplicate_job (
  id TEXT NOT NULL,
  CONSTRAINT duplicate_job CHECK (id IS NULL)
) STRICT;

UPDATE meta SET value = value + 1 WHERE key = 'schema_version';
