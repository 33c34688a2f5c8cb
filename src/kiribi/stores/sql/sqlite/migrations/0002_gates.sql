-- Limits: of concurrency and rate, for a binding and for each of its keys; the retry budget.
-- What they allow follows from what runs and when work last started. Triggers keep up the little
-- that is remembered of it, in the same transaction, whoever writes; jobs without a key and
-- bindings without limits cost a look, and no row.

-- its concurrency_key
ALTER TABLE job ADD COLUMN key TEXT;
DROP INDEX job_open;
CREATE INDEX job_open ON job (binding, key, rank) WHERE open = 1;
CREATE INDEX job_due ON job (binding, key, due) WHERE open = 1 AND key IS NOT NULL;
CREATE INDEX job_running ON job (binding, key) WHERE status = 'PROCESSING' AND key IS NOT NULL;

-- limits: as workers registered them; override: as somebody set them at run time, false for none.
-- What of both is in force, in the columns that follow (set_limits.sql): interval_us is the time
-- between two starts at the full rate, budget the failures in a row that open the breaker.
ALTER TABLE binding ADD COLUMN limits TEXT;
ALTER TABLE binding ADD COLUMN override TEXT;
ALTER TABLE binding ADD COLUMN concurrency INTEGER;
ALTER TABLE binding ADD COLUMN key_concurrency INTEGER;
ALTER TABLE binding ADD COLUMN interval_us INTEGER;
ALTER TABLE binding ADD COLUMN burst INTEGER;
ALTER TABLE binding ADD COLUMN key_interval_us INTEGER;
ALTER TABLE binding ADD COLUMN key_burst INTEGER;
ALTER TABLE binding ADD COLUMN budget INTEGER;
ALTER TABLE binding ADD COLUMN probe_ms INTEGER;
-- What happened: the theoretical arrival time of GCRA, failures since the last success, and, while
-- the breaker is open, when the next job may probe.
ALTER TABLE binding ADD COLUMN tat_us INTEGER;
ALTER TABLE binding ADD COLUMN streak INTEGER NOT NULL DEFAULT 0;
ALTER TABLE binding ADD COLUMN probe_at_ms INTEGER;

-- How many more jobs of a binding may run (slots; NULL: any number), and from when on.
CREATE VIEW gate AS
SELECT name, paused, interval_us, burst, tat_us, key_concurrency,
  coalesce(concurrency, interval_us, probe_at_ms) IS NOT NULL AS limited,
  max(
    coalesce((tat_us - (burst - 1) * interval_us + 999) / 1000, 0),
    coalesce(probe_at_ms, 0)
  ) AS opens_ms,
  CASE WHEN concurrency IS NOT NULL OR probe_at_ms IS NOT NULL THEN max(0,
    iif(probe_at_ms IS NULL, concurrency, 1) - (
      SELECT count(*) FROM job
      WHERE id IN (
          SELECT value FROM claim, json_each(held) UNION SELECT value FROM claim, json_each(fresh)
        )
        AND status = 'PROCESSING' AND job.binding = binding.name
    )
  ) END AS slots
FROM binding;

-- The keys with open jobs. turn: when the key may be served next, and so its place in the round;
-- NULL while all its slots are taken, or nothing waits.
CREATE TABLE lane (
  binding TEXT NOT NULL,
  key TEXT NOT NULL,
  turn INTEGER,
  served_ms INTEGER NOT NULL DEFAULT 0, -- when its last job started
  tat_us INTEGER NOT NULL DEFAULT 0, -- as in binding
  PRIMARY KEY (binding, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX lane_turn ON lane (binding, turn) WHERE turn IS NOT NULL;
CREATE INDEX lane_idle ON lane (tat_us) WHERE turn IS NULL AND tat_us > 0;

-- What a lane's turn must be, from the jobs themselves; noted: what it is.
CREATE VIEW lane_gate AS
SELECT binding, key, noted, slots, due, interval_us, burst, tat_us, opens_ms,
  CASE WHEN slots > 0 THEN max(due, served_ms, opens_ms) END AS turn
FROM (
  SELECT lane.binding, lane.key, lane.turn AS noted, lane.tat_us, served_ms,
    key_interval_us AS interval_us, key_burst AS burst,
    coalesce((lane.tat_us - (key_burst - 1) * key_interval_us + 999) / 1000, 0) AS opens_ms,
    coalesce(key_concurrency, 1) - (
      SELECT count(*) FROM job
      WHERE job.binding = lane.binding AND job.key = lane.key AND status = 'PROCESSING'
    ) AS slots,
    (
      SELECT due FROM job
      WHERE open = 1 AND job.binding = lane.binding AND job.key = lane.key
        AND status <> 'PROCESSING'
      ORDER BY due LIMIT 1
    ) AS due
  FROM lane LEFT JOIN binding ON binding.name = lane.binding
);

-- Tells that a job came to a lane.
CREATE VIEW lane_event AS SELECT binding, key FROM lane;
CREATE TRIGGER lane_event INSTEAD OF INSERT ON lane_event BEGIN
  INSERT INTO lane (binding, key) VALUES (NEW.binding, NEW.key) ON CONFLICT DO NOTHING;
  UPDATE lane SET turn = (
    SELECT turn FROM lane_gate WHERE binding = NEW.binding AND key = NEW.key
  )
  WHERE binding = NEW.binding AND key = NEW.key AND turn IS NOT (
    SELECT turn FROM lane_gate WHERE binding = NEW.binding AND key = NEW.key
  );
END;
CREATE TRIGGER job_came AFTER INSERT ON job WHEN NEW.key IS NOT NULL BEGIN
  INSERT INTO lane_event VALUES (NEW.binding, NEW.key);
END;
CREATE TRIGGER job_came_back AFTER UPDATE OF open ON job
WHEN NEW.key IS NOT NULL AND OLD.open IS NULL AND NEW.open = 1 BEGIN
  INSERT INTO lane_event VALUES (NEW.binding, NEW.key);
END;

CREATE TRIGGER job_started AFTER UPDATE OF status ON job
WHEN NEW.key IS NOT NULL AND NEW.attempts > OLD.attempts BEGIN
  UPDATE lane SET (served_ms, tat_us, turn) = (
    SELECT NEW.started_ms, coalesce(max(tat_us, NEW.started_ms * 1000) + interval_us, 0),
      CASE WHEN slots > 0 THEN max(due, NEW.started_ms, coalesce(
        (max(tat_us, NEW.started_ms * 1000) + (2 - burst) * interval_us + 999) / 1000, 0
      )) END
    FROM lane_gate WHERE binding = NEW.binding AND key = NEW.key
  )
  WHERE binding = NEW.binding AND key = NEW.key;
END;

-- It ended, moved or went: a lane without open jobs goes as well, unless its rate has to be kept.
CREATE TRIGGER job_moved AFTER UPDATE OF status, open, due ON job
WHEN NEW.key IS NOT NULL AND OLD.open = 1 AND NEW.attempts = OLD.attempts BEGIN
  UPDATE lane SET turn = (
    SELECT turn FROM lane_gate WHERE binding = NEW.binding AND key = NEW.key
  )
  WHERE binding = NEW.binding AND key = NEW.key;
  DELETE FROM lane
  WHERE binding = NEW.binding AND key = NEW.key AND turn IS NULL
    AND tat_us <= NEW.updated_ms * 1000
    AND NOT EXISTS (
      SELECT 1 FROM job WHERE open = 1 AND job.binding = NEW.binding AND job.key = NEW.key
    );
END;
CREATE TRIGGER job_went AFTER DELETE ON job WHEN OLD.key IS NOT NULL AND OLD.open = 1 BEGIN
  UPDATE lane SET turn = (
    SELECT turn FROM lane_gate WHERE binding = OLD.binding AND key = OLD.key
  )
  WHERE binding = OLD.binding AND key = OLD.key;
  DELETE FROM lane
  WHERE binding = OLD.binding AND key = OLD.key AND turn IS NULL AND tat_us = 0
    AND NOT EXISTS (
      SELECT 1 FROM job WHERE open = 1 AND job.binding = OLD.binding AND job.key = OLD.key
    );
END;

-- Starts and ends, a batch and binding at a time, as the statistics hear of them.
-- last_ms: when jobs last started or ended.
ALTER TABLE stat ADD COLUMN last_ms INTEGER NOT NULL DEFAULT 0;

CREATE VIEW binding_event AS
SELECT name, NULL AS now, NULL AS starts, NULL AS completions, NULL AS failures FROM binding;
CREATE TRIGGER binding_event INSTEAD OF INSERT ON binding_event BEGIN
  UPDATE binding SET tat_us = max(coalesce(tat_us, 0), NEW.now * 1000) + NEW.starts * interval_us
  WHERE name = NEW.name AND interval_us IS NOT NULL AND NEW.starts > 0;
  UPDATE binding SET
    streak = iif(NEW.completions > 0, 0, streak + NEW.failures),
    probe_at_ms = CASE
      WHEN NEW.completions > 0 THEN NULL
      WHEN probe_at_ms IS NOT NULL OR streak + NEW.failures >= budget THEN NEW.now + probe_ms END
  WHERE name = NEW.name AND budget IS NOT NULL
    AND iif(NEW.completions > 0, streak > 0 OR probe_at_ms IS NOT NULL,
      NEW.failures > 0 OR NEW.starts > 0 AND probe_at_ms IS NOT NULL);
END;

-- Other limits of keys than before.
CREATE TRIGGER binding_limits AFTER UPDATE OF key_concurrency, key_interval_us, key_burst ON binding
WHEN NEW.key_concurrency IS NOT OLD.key_concurrency
  OR NEW.key_interval_us IS NOT OLD.key_interval_us OR NEW.key_burst IS NOT OLD.key_burst BEGIN
  UPDATE lane SET turn = lane_gate.turn FROM lane_gate
  WHERE lane.binding = NEW.name AND lane_gate.binding = NEW.name AND lane_gate.key = lane.key
    AND lane.turn IS NOT lane_gate.turn;
END;

CREATE TRIGGER stat_began AFTER INSERT ON stat
WHEN NEW.span_ms = 60000 AND NEW.last_ms > 0 BEGIN
  INSERT INTO binding_event
  VALUES (NEW.binding, NEW.last_ms, NEW.waits, NEW.completions, NEW.failures);
END;
CREATE TRIGGER stat_went_on AFTER UPDATE OF last_ms ON stat BEGIN
  INSERT INTO binding_event VALUES (
    NEW.binding, NEW.last_ms,
    NEW.waits - OLD.waits, NEW.completions - OLD.completions, NEW.failures - OLD.failures
  );
END;

UPDATE meta SET value = value + 1 WHERE key = 'schema_version';
