-- The tables of Kiribi on PostgreSQL 14 and later. Times are epoch milliseconds of the database's
-- clock. JSON is kept as text, as it came. `kiribi.` stands for the schema that was chosen.

CREATE TABLE kiribi.meta (
  key text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- The clock: of one transaction, one time.
CREATE FUNCTION kiribi.now_ms() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT floor(extract(epoch FROM transaction_timestamp()) * 1000)::bigint $$;

-- The time of day, also late in a transaction that has waited for others.
CREATE FUNCTION kiribi.clock_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- One row a job. Open jobs stand on shelf 0; a job that ends moves to a shelf of the day it ended
-- on, two for each day: 2 * day of the epoch for those COMPLETED, 2 * day + 1 for the others. So what
-- is claimed and changed is a small table, and a day's past goes at once (see make_shelf).
CREATE TABLE kiribi.job (
  id text COLLATE "C" NOT NULL, -- UUIDv7: newest first is the order of ids
  shelf integer NOT NULL DEFAULT 0,
  priority integer NOT NULL,
  attempts integer NOT NULL DEFAULT 0, -- claims so far: the fence
  failures integer NOT NULL DEFAULT 0,
  crashes integer NOT NULL DEFAULT 0,
  rank bigint NOT NULL, -- due - priority * 60000: the order of claims
  due bigint NOT NULL,
  updated_ms bigint NOT NULL,
  started_ms bigint,
  finished_ms bigint,
  unique_until bigint,
  cancel_requested boolean NOT NULL DEFAULT false,
  awaited boolean NOT NULL DEFAULT false, -- others were enqueued to run after it
  binding text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  key text COLLATE "C", -- its concurrency_key
  worker text COLLATE "C", -- while PROCESSING
  payload text, -- NULL: too long for the row, see table payload
  options text,
  progress text, -- [fraction, message]
  error text, -- [type, message, traceback, ...]
  result text,
  history text, -- [[number, outcome, started_ms, finished_ms, worker, error], ...]
  unique_key text COLLATE "C",
  unique_states text,
  PRIMARY KEY (id, shelf)
) PARTITION BY LIST (shelf);

-- More than half of each page is left for the claim, which changes no column that an index names: its
-- new, longer version of the row finds room beside the old one, and no index hears of it (HOT).
CREATE TABLE kiribi.job_open PARTITION OF kiribi.job FOR VALUES IN (0) WITH (
  fillfactor = 40,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0.5,
  autovacuum_analyze_scale_factor = 0.2,
  autovacuum_vacuum_cost_delay = 1
);
CREATE INDEX job_open_rank ON kiribi.job_open (binding, rank) WHERE key IS NULL;
CREATE INDEX job_open_key ON kiribi.job_open (binding, key, rank) WHERE key IS NOT NULL;
CREATE INDEX job_open_due ON kiribi.job_open (binding, key, due) WHERE key IS NOT NULL;
CREATE INDEX job_open_held ON kiribi.job_open (id) WHERE due = 253402300799999;

-- The shelves of a day, made before the first job that ends on it. Attaching one waits for nobody.
CREATE FUNCTION kiribi.make_shelf(number integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := 'job_ended_' || number;
BEGIN
  IF to_regclass(format('kiribi.%I', name)) IS NOT NULL THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('kiribi.make_shelf', 0));
  -- to_regclass may remember here that there was none
  IF number IN (SELECT kiribi.shelves()) THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE TABLE kiribi.%I (LIKE kiribi.job INCLUDING DEFAULTS)', name);
  EXECUTE format('ALTER TABLE kiribi.%I ADD PRIMARY KEY (id, shelf)', name);
  EXECUTE format('ALTER TABLE kiribi.%I ADD CHECK (shelf = %s)', name, number);
  -- who looks for what went wrong finds it among millions that went well: these have no such index, and
  -- by their constraint the planner knows that none of it is there
  IF number % 2 = 1 THEN
    EXECUTE format('ALTER TABLE kiribi.%I ADD CHECK (status IN (''FAILED'', ''CANCELLED''))', name);
    EXECUTE format('CREATE INDEX ON kiribi.%I (status, binding, id)', name);
  ELSE
    EXECUTE format('ALTER TABLE kiribi.%I ADD CHECK (status = ''COMPLETED'')', name);
  END IF;
  EXECUTE format('ALTER TABLE kiribi.job ATTACH PARTITION kiribi.%I FOR VALUES IN (%s)', name, number);
END $$;

CREATE TABLE kiribi.payload (
  job_id text COLLATE "C" PRIMARY KEY,
  body text NOT NULL
);

CREATE TABLE kiribi.log (
  job_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  attempt integer NOT NULL,
  at_ms bigint NOT NULL,
  level text NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (job_id, seq)
);

CREATE TABLE kiribi.step (
  job_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (job_id, name)
);

CREATE TABLE kiribi.worker (
  id text COLLATE "C" PRIMARY KEY,
  host text NOT NULL,
  pid bigint NOT NULL,
  version text NOT NULL,
  bindings text NOT NULL,
  slots integer NOT NULL,
  started_ms bigint NOT NULL,
  lease_until bigint NOT NULL,
  dead_reason text -- NULL while it lives
) WITH (fillfactor = 50);

-- What a worker may hold: rescue looks here, never at the backlog. Each claim adds a row and removes
-- the one before it of the same pool: rows that are never changed have no versions to walk.
CREATE TABLE kiribi.claim (
  token text COLLATE "C" PRIMARY KEY, -- the call that took them
  worker text COLLATE "C" NOT NULL,
  pool text COLLATE "C" NOT NULL,
  held text[] COLLATE "C" NOT NULL, -- ids taken before and not settled by then
  fresh text[] COLLATE "C" NOT NULL -- ids that call took
);
CREATE INDEX claim_worker ON kiribi.claim (worker, pool);

CREATE TABLE kiribi.binding (
  name text COLLATE "C" PRIMARY KEY,
  priority integer NOT NULL DEFAULT 0, -- of jobs enqueued without one
  paused boolean NOT NULL DEFAULT false,
  last_seen_ms bigint,
  defaults text NOT NULL DEFAULT '{}',
  schema text,
  -- limits: as workers registered them; override: as somebody set them at run time, false for none.
  -- What of both is in force, in the columns that follow (set_limits.sql): interval_us is the time
  -- between two starts at the full rate, budget the failures in a row that open the breaker.
  limits text,
  override text,
  concurrency integer,
  key_concurrency integer,
  interval_us bigint,
  burst bigint,
  key_interval_us bigint,
  key_burst bigint,
  budget integer,
  probe_ms bigint,
  -- What happened: the theoretical arrival time of GCRA, failures since the last success, and, while
  -- the breaker is open, when the next job may probe.
  tat_us bigint,
  streak integer NOT NULL DEFAULT 0,
  probe_at_ms bigint
) WITH (fillfactor = 50);

-- What happened to a binding's jobs, by minute (span 60000), hour and day. The first six are net
-- changes: span 0 and the minutes add up to what there is now. The rest only grow.
CREATE TABLE kiribi.stat (
  span_ms bigint NOT NULL,
  at_ms bigint NOT NULL,
  binding text COLLATE "C" NOT NULL,
  pending bigint NOT NULL DEFAULT 0,
  processing bigint NOT NULL DEFAULT 0,
  retry_pending bigint NOT NULL DEFAULT 0,
  completed bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  cancelled bigint NOT NULL DEFAULT 0,
  changes bigint NOT NULL DEFAULT 0,
  enqueued bigint NOT NULL DEFAULT 0,
  completions bigint NOT NULL DEFAULT 0,
  failures bigint NOT NULL DEFAULT 0,
  retries bigint NOT NULL DEFAULT 0,
  cancellations bigint NOT NULL DEFAULT 0,
  crashes bigint NOT NULL DEFAULT 0,
  waits bigint NOT NULL DEFAULT 0,
  wait_ms bigint NOT NULL DEFAULT 0,
  runs bigint NOT NULL DEFAULT 0,
  run_ms bigint NOT NULL DEFAULT 0,
  -- How long jobs waited and ran, as counts by bucket: {bucket: number}, bucket b > 0 holding the
  -- milliseconds in (2^((b - 1) / 4), 2^(b / 4)], bucket 0 one, bucket -1 none.
  wait_buckets text NOT NULL DEFAULT '{}',
  run_buckets text NOT NULL DEFAULT '{}',
  PRIMARY KEY (span_ms, at_ms, binding)
) WITH (fillfactor = 50);

-- What is not yet in `stat`: whoever changes jobs adds a row and waits for nobody; a tick gathers
-- them. A column that does not apply is NULL, and takes no room.
CREATE TABLE kiribi.tally (
  at_ms bigint NOT NULL, -- the minute
  binding text COLLATE "C" NOT NULL,
  pending integer,
  processing integer,
  retry_pending integer,
  completed integer,
  failed integer,
  cancelled integer,
  changes integer,
  enqueued integer,
  completions integer,
  failures integer,
  retries integer,
  cancellations integer,
  crashes integer,
  waits integer,
  wait_ms bigint,
  runs integer,
  run_ms bigint,
  wait_buckets text,
  run_buckets text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE VIEW kiribi.figure AS
SELECT * FROM kiribi.stat
UNION ALL
SELECT 60000, at_ms, binding, coalesce(pending, 0), coalesce(processing, 0), coalesce(retry_pending, 0),
  coalesce(completed, 0), coalesce(failed, 0), coalesce(cancelled, 0), coalesce(changes, 0),
  coalesce(enqueued, 0), coalesce(completions, 0), coalesce(failures, 0), coalesce(retries, 0),
  coalesce(cancellations, 0), coalesce(crashes, 0), coalesce(waits, 0), coalesce(wait_ms, 0),
  coalesce(runs, 0), coalesce(run_ms, 0), coalesce(wait_buckets, '{}'), coalesce(run_buckets, '{}')
FROM kiribi.tally;

-- What went wrong, by cause: a row for each fingerprint of an error.
CREATE TABLE kiribi.failure (
  fingerprint text COLLATE "C" PRIMARY KEY,
  binding text COLLATE "C" NOT NULL,
  type text NOT NULL, -- of the error
  origin text NOT NULL, -- of the error: module:function, or how a process ended
  message text NOT NULL, -- of the last
  job_id text COLLATE "C" NOT NULL, -- of the last; it may be gone
  number bigint NOT NULL,
  first_ms bigint NOT NULL,
  last_ms bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX failure_last ON kiribi.failure (last_ms);

-- Unique jobs: who holds a key, until another takes it over, and that only where the holder no longer
-- counts: its status is none of unique_states, or unique_until has passed.
CREATE TABLE kiribi.holder (
  binding text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  job_id text COLLATE "C" NOT NULL, -- it may be gone; '': nobody, somebody is just deciding
  lasts boolean NOT NULL DEFAULT false, -- whether a job may hold it after it has ended
  PRIMARY KEY (binding, key)
) WITH (fillfactor = 50);

-- The keys with open jobs. turn: when the key may be served next, and so its place in the round;
-- NULL while all its slots are taken, or nothing waits. Only a claim changes lanes, and one claim of a
-- binding at a time (see claim); everybody else leaves a row in lane_event, and waits for nobody.
CREATE TABLE kiribi.lane (
  binding text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  turn bigint,
  served_ms bigint NOT NULL DEFAULT 0, -- when its last job started
  tat_us bigint NOT NULL DEFAULT 0, -- as in binding
  PRIMARY KEY (binding, key)
) WITH (fillfactor = 50);
CREATE INDEX lane_turn ON kiribi.lane (binding, turn, key) WHERE turn IS NOT NULL;
CREATE INDEX lane_idle ON kiribi.lane (tat_us) WHERE turn IS NULL AND tat_us > 0;

-- Keys of whose jobs one came, ended, moved or went.
CREATE TABLE kiribi.lane_event (
  binding text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL
);
CREATE INDEX lane_event_binding ON kiribi.lane_event (binding);

CREATE TABLE kiribi.schedule (
  name text COLLATE "C" PRIMARY KEY,
  definition text NOT NULL, -- JSON: binding, ticks, payload, options: see kiribi/schedule.py
  next_ms bigint, -- the next tick; NULL: paused, or none any more
  paused boolean NOT NULL DEFAULT false,
  declared boolean NOT NULL DEFAULT false, -- by a performer's class
  last_tick_ms bigint,
  last_job text COLLATE "C",
  created_ms bigint NOT NULL
);
CREATE INDEX schedule_due ON kiribi.schedule (next_ms) WHERE next_ms IS NOT NULL;

-- What each worker's code says of the schedules it declares, for as long as the worker is known.
CREATE TABLE kiribi.declaration (
  name text COLLATE "C" NOT NULL,
  worker text COLLATE "C" NOT NULL REFERENCES kiribi.worker (id) ON DELETE CASCADE,
  definition text NOT NULL,
  PRIMARY KEY (name, worker)
);
CREATE INDEX declaration_worker ON kiribi.declaration (worker);

-- What somebody began to do to all jobs that a filter matches; carried out in steps.
CREATE TABLE kiribi.action (
  id text COLLATE "C" PRIMARY KEY, -- UUIDv7: jobs enqueued later have greater ids and are left alone
  kind text NOT NULL,
  filter text NOT NULL,
  who text NOT NULL,
  status text NOT NULL, -- RUNNING, DONE or ABORTED
  matched bigint NOT NULL DEFAULT 0,
  done bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  reason text, -- why one of the skipped or failed was left alone
  created_ms bigint NOT NULL,
  updated_ms bigint NOT NULL,
  finished_ms bigint,
  step integer NOT NULL DEFAULT 0, -- the fence: whoever knows the last one carries out the next
  lease_until bigint NOT NULL, -- until then it is left to whoever did the last step
  before text COLLATE "C", -- jobs before this id are still to be looked at; NULL: none
  missed text NOT NULL DEFAULT '[]', -- ids of jobs that changed under our hands, to look at again
  tries integer NOT NULL DEFAULT 0 -- how often these were looked at
);
CREATE INDEX action_running ON kiribi.action (id) WHERE status = 'RUNNING';

-- Which jobs wait for which. A job that waits is held: due at the end of time, 253402300799999.
-- Rows stay as long as the job that waited, so that a batch can be counted after its end.
CREATE TABLE kiribi.dependency (
  on_id text COLLATE "C" NOT NULL, -- the job waited for; it may be gone
  job_id text COLLATE "C" NOT NULL,
  if_failed text NOT NULL, -- cancel, run or wait
  outcome text, -- how on_id ended, DELETED, or WAIVED by a retry of job_id; NULL: it is waited for
  PRIMARY KEY (on_id, job_id)
);
CREATE INDEX dependency_job ON kiribi.dependency (job_id, outcome, if_failed);

-- These never hold a row: whatever is inserted here aborts the batch it came with.
CREATE TABLE kiribi.id_conflict (id text NOT NULL, CONSTRAINT id_conflict CHECK (id IS NULL));
CREATE TABLE kiribi.duplicate_job (id text NOT NULL, CONSTRAINT duplicate_job CHECK (id IS NULL));
CREATE TABLE kiribi.schedule_conflict (
  name text NOT NULL,
  CONSTRAINT schedule_conflict CHECK (name IS NULL)
);
CREATE TABLE kiribi.stale_action (id text NOT NULL, CONSTRAINT stale_action CHECK (id IS NULL));
CREATE TABLE kiribi.missing_job (id text NOT NULL, CONSTRAINT missing_job CHECK (id IS NULL));

-- pruned: after which id the last step of pruning stopped; turn ...: when somebody last did what all do
INSERT INTO kiribi.meta (key, value)
VALUES ('schema_version', '1'), ('pruned', ''), ('turn tick', '0'), ('turn fire', '0');
