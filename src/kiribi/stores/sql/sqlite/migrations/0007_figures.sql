-- How long jobs waited and ran, as counts by bucket: {bucket: number}, bucket b > 0 holding the
-- milliseconds in (2^((b - 1) / 4), 2^(b / 4)], bucket 0 one, bucket -1 none.
ALTER TABLE stat ADD COLUMN wait_buckets TEXT NOT NULL DEFAULT '{}';
ALTER TABLE stat ADD COLUMN run_buckets TEXT NOT NULL DEFAULT '{}';

UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'schema_version';
