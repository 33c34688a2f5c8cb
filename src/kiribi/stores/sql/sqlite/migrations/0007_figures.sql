-- How long jobs waited and ran, as counts by bucket: {bucket: number}, bucket b > 0 holding the
-- milliseconds in (2^((b - 1) / 4), 2^(b / 4)], bucket 0 one, bucket -1 none.
ALTER TABLE stat ADD COLUMN wait_buckets TEXT NOT NULL DEFAULT '{}';
ALTER TABLE stat ADD COLUMN run_buckets TEXT NOT NULL DEFAULT '{}';

-- What went wrong, by cause: a row for each fingerprint of an error.
CREATE TABLE failure (
  fingerprint TEXT PRIMARY KEY,
  binding TEXT NOT NULL,
  type TEXT NOT NULL, -- of the error
  origin TEXT NOT NULL, -- of the error: module:function, or how a process ended
  message TEXT NOT NULL, -- of the last
  job_id TEXT NOT NULL, -- of the last; it may be gone
  number INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX failure_last ON failure (last_ms);

UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'schema_version';
