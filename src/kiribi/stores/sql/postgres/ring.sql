-- Ring other processes: each payload once, where somebody listens for one of its keys (see hold_keys).
-- The rings need not survive a crash: nobody waits for the disk.
-- $2 to $4: channel, payload, key of each; a key that is NULL rings in any case
SELECT pg_notify(channel, payload), set_config('synchronous_commit', 'off', true)
FROM (
  SELECT DISTINCT channel, payload FROM unnest($2::text[], $3::text[], $4::text[]) AS ring (channel, payload, key)
  WHERE key IS NULL OR NOT pg_try_advisory_xact_lock(hashtextextended(key, 0))
) AS rung
