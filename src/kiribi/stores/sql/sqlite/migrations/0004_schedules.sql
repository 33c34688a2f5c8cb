-- Recurring jobs.

CREATE TABLE schedule (
  name TEXT PRIMARY KEY,
  definition TEXT NOT NULL, -- JSON: binding, ticks, payload, options: see kiribi/schedule.py
  next_ms INTEGER, -- the next tick; NULL: paused, or none any more
  paused INTEGER NOT NULL DEFAULT 0,
  declared INTEGER NOT NULL DEFAULT 0, -- by a performer's class
  last_tick_ms INTEGER,
  last_job TEXT,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX schedule_due ON schedule (next_ms) WHERE next_ms IS NOT NULL;

-- What each worker's code says of the schedules it declares, for as long as the worker is known.
CREATE TABLE declaration (
  name TEXT NOT NULL,
  worker TEXT NOT NULL REFERENCES worker (id) ON DELETE CASCADE,
  definition TEXT NOT NULL,
  PRIMARY KEY (name, worker)
) STRICT, WITHOUT ROWID;

CREATE INDEX declaration_worker ON declaration (worker);

-- Never holds a row: whatever is inserted here aborts the batch it came with.
CREATE TABLE schedule_conflict (
  name TEXT NOT NULL,
  CONSTRAINT schedule_conflict CHECK (name IS NULL)
) STRICT;

UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'schema_version';
