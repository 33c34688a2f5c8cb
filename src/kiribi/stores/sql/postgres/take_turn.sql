-- Take a turn, unless somebody has just taken it. A time ahead of the clock is of before it was set back.
-- $2: the name of the turn, $3: for how many milliseconds it is taken
WITH clock (now) AS (SELECT coalesce($1::bigint, kiribi.now_ms())),
mine AS (
  SELECT key, now FROM kiribi.meta, clock
  WHERE key = $2::text AND value::bigint NOT BETWEEN now - $3::bigint AND now
  FOR UPDATE OF meta SKIP LOCKED
)
UPDATE kiribi.meta SET value = now::text FROM mine WHERE meta.key = mine.key
RETURNING set_config('synchronous_commit', 'off', true)
