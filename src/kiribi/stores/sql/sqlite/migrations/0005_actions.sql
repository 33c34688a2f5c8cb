-- What somebody began to do to all jobs that a filter matches; carried out in steps.
CREATE TABLE action (
  id TEXT PRIMARY KEY, -- UUIDv7: jobs enqueued later have greater ids and are left alone
  kind TEXT NOT NULL,
  filter TEXT NOT NULL,
  who TEXT NOT NULL,
  status TEXT NOT NULL, -- RUNNING, DONE or ABORTED
  matched INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  reason TEXT, -- why one of the skipped or failed was left alone
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  step INTEGER NOT NULL DEFAULT 0, -- the fence: whoever knows the last one carries out the next
  lease_until INTEGER NOT NULL, -- until then it is left to whoever did the last step
  before TEXT, -- jobs before this id are still to be looked at; NULL: none
  missed TEXT NOT NULL DEFAULT '[]', -- ids of jobs that changed under our hands, to look at again
  tries INTEGER NOT NULL DEFAULT 0 -- how often these were looked at
) STRICT, WITHOUT ROWID;

CREATE INDEX action_running ON action (id) WHERE status = 'RUNNING';

-- Never holds a row: whatever is inserted here aborts the batch it came with.
CREATE TABLE stale_action (
  id TEXT NOT NULL,
  CONSTRAINT stale_action CHECK (id IS NULL)
) STRICT;

UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'schema_version';
