-- The tables of Kiribi on SQLite and D1 (apply there with `wrangler d1 migrations apply`).
-- Times are epoch milliseconds of the store's clock. JSON is kept as text.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a job. What a claim or a search reads comes first, what may be long comes last.
CREATE TABLE job (
  id TEXT PRIMARY KEY, -- UUIDv7: newest first is the order of ids
  binding TEXT NOT NULL,
  status TEXT NOT NULL,
  open INTEGER, -- 1 until the job ends, then NULL
  rank INTEGER NOT NULL, -- due - priority * 60000: the order of claims
  due INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, -- claims so far: the fence
  failures INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  updated_ms INTEGER NOT NULL,
  started_ms INTEGER,
  finished_ms INTEGER,
  worker TEXT, -- while PROCESSING
  payload TEXT, -- NULL: too long for the row, see table payload
  options TEXT,
  progress TEXT, -- [fraction, message]
  error TEXT, -- [type, message, traceback]
  result TEXT,
  history TEXT -- [[number, outcome, started_ms, finished_ms, worker, error], ...]
) STRICT, WITHOUT ROWID;

-- A claim changes none of these columns, so it writes the row alone.
CREATE INDEX job_open ON job (binding, rank) WHERE open = 1;

-- Who looks for what went wrong finds it among millions that went well.
CREATE INDEX job_ended ON job (status, binding, id) WHERE status IN ('FAILED', 'CANCELLED');

CREATE TABLE payload (
  job_id TEXT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
  job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (job_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE step (
  job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (job_id, name)
) STRICT, WITHOUT ROWID;

-- Never holds a row: whatever is inserted here aborts the batch it came with.
CREATE TABLE id_conflict (
  id TEXT NOT NULL,
  CONSTRAINT id_conflict CHECK (id IS NULL)
) STRICT;

CREATE TABLE worker (
  id TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  version TEXT NOT NULL,
  bindings TEXT NOT NULL,
  slots INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  dead_reason TEXT -- NULL while it lives
) STRICT, WITHOUT ROWID;

-- What a worker may hold: rescue looks here, never at the backlog.
CREATE TABLE claim (
  worker TEXT NOT NULL REFERENCES worker (id) ON DELETE CASCADE,
  pool TEXT NOT NULL,
  token TEXT NOT NULL, -- the last call that took something
  held TEXT NOT NULL, -- ids taken before and not settled by then
  fresh TEXT NOT NULL, -- ids that call took
  PRIMARY KEY (worker, pool)
) STRICT, WITHOUT ROWID;

CREATE TABLE binding (
  name TEXT PRIMARY KEY,
  priority INTEGER NOT NULL DEFAULT 0, -- of jobs enqueued without one
  paused INTEGER NOT NULL DEFAULT 0,
  last_seen_ms INTEGER,
  defaults TEXT NOT NULL DEFAULT '{}',
  schema TEXT
) STRICT, WITHOUT ROWID;

-- What happened to a binding's jobs, by minute (span 60000), hour and day. The first six are net
-- changes: span 0 and the minutes add up to what there is now. The rest only grow.
CREATE TABLE stat (
  span_ms INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  binding TEXT NOT NULL,
  pending INTEGER NOT NULL DEFAULT 0,
  processing INTEGER NOT NULL DEFAULT 0,
  retry_pending INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  changes INTEGER NOT NULL DEFAULT 0,
  enqueued INTEGER NOT NULL DEFAULT 0,
  completions INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  retries INTEGER NOT NULL DEFAULT 0,
  cancellations INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  waits INTEGER NOT NULL DEFAULT 0,
  wait_ms INTEGER NOT NULL DEFAULT 0,
  runs INTEGER NOT NULL DEFAULT 0,
  run_ms INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (span_ms, at_ms, binding)
) STRICT, WITHOUT ROWID;

-- pruned: between which ids the last step of pruning looked
INSERT INTO meta (key, value) VALUES ('schema_version', '1'), ('pruned', '["",""]');
