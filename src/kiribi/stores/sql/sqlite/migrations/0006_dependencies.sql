-- Which jobs wait for which. A job that waits is held: due at the end of time, 253402300799999.
-- Rows stay as long as the job that waited, so that a batch can be counted after its end.

CREATE TABLE dependency (
  on_id TEXT NOT NULL, -- the job waited for; it may be gone
  job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  if_failed TEXT NOT NULL, -- cancel, run or wait
  outcome TEXT, -- how on_id ended, DELETED, or WAIVED by a retry of job_id; NULL: it is waited for
  PRIMARY KEY (on_id, job_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependency_job ON dependency (job_id, outcome, if_failed);

-- Whoever looks for releases that were lost reads what is held, never the backlog.
CREATE INDEX job_held ON job (id) WHERE open = 1 AND due = 253402300799999;

-- Never holds a row: whatever is inserted here aborts the batch it came with.
CREATE TABLE missing_job (
  id TEXT NOT NULL,
  CONSTRAINT missing_job CHECK (id IS NULL)
) STRICT;

UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'schema_version';
