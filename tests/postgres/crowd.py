"""A database as full as asked for, by a few statements; half of its jobs are open."""

from __future__ import annotations

import asyncpg

from kiribi.stores import open_store

DAYS = 4
"""Whose ended jobs are kept, each on shelves of its own."""
RUNNING = 200
WORKER = "busy"

ID = """
CREATE FUNCTION pg_temp.made_id(ms bigint, n bigint) RETURNS text LANGUAGE sql AS $$
  SELECT left(stamp, 8) || '-' || substr(stamp, 9) || '-7' || substr(noise, 1, 3)
    || '-8' || substr(noise, 4, 3) || '-' || substr(noise, 7, 12)
  FROM (SELECT lpad(to_hex(ms), 12, '0') AS stamp, md5(n::text) AS noise) AS made
$$
"""
BINDINGS = """
INSERT INTO kiribi.binding (name, paused, concurrency, key_concurrency) VALUES
  ('PLAIN', false, NULL, NULL), ('OTHER', false, NULL, NULL), ('LATER', false, NULL, NULL),
  ('KEYED', false, NULL, 1), ('PAUSED', true, NULL, NULL), ('RARE', false, NULL, NULL),
  ('LIMITED', false, 10, NULL)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, concurrency = excluded.concurrency,
  key_concurrency = excluded.key_concurrency
"""
OPEN = """
INSERT INTO kiribi.job (id, binding, status, priority, rank, due, updated_ms, key, payload)
SELECT pg_temp.made_id(at, n), binding, 'PENDING', 0, due, due, at,
  CASE WHEN binding = 'KEYED' THEN 'k' || n % 1000 END,
  CASE WHEN n % 20 > 0 THEN '{"n":' || n || '}' END
FROM (
  SELECT n, at, binding, CASE
    WHEN n % 100 = 99 THEN 253402300799999
    WHEN binding = 'LATER' THEN at + 864000000 ELSE at END AS due
  FROM (
    SELECT n, kiribi.now_ms() - 3600000 + n * 3500000 / $1 AS at,
      ('{PLAIN,PLAIN,PLAIN,OTHER,LATER,LATER,KEYED,KEYED,PAUSED,LIMITED}'::text[])[1 + n % 10]
      AS binding
    FROM generate_series(1, $1::bigint) AS n
  ) AS made
) AS job
"""
RARE = """
INSERT INTO kiribi.job (id, binding, status, priority, rank, due, updated_ms, payload)
SELECT pg_temp.made_id(at, -n), 'RARE', 'PENDING', 0, at + 864000000, at + 864000000, at, '{"n":1}'
FROM (SELECT n, kiribi.now_ms() - n * 60000 AS at FROM generate_series(1, 50) AS n) AS made
"""
RUN = """
WITH taken AS (
  UPDATE kiribi.job
  SET status = 'PROCESSING', attempts = 1, worker = 'busy', started_ms = updated_ms
  WHERE shelf = 0 AND id IN (
    SELECT id FROM kiribi.job WHERE shelf = 0 AND binding = 'PLAIN' ORDER BY rank LIMIT $1::integer
  )
  RETURNING id
)
INSERT INTO kiribi.claim (token, worker, pool, held, fresh)
SELECT 'token', 'busy', 'coroutine', '{}', array_agg(id) FROM taken
"""
LANES = """
INSERT INTO kiribi.lane (binding, key, turn)
SELECT binding, key, min(due) FROM kiribi.job
WHERE shelf = 0 AND key IS NOT NULL GROUP BY binding, key
"""
ENDED = """
INSERT INTO kiribi.job (id, shelf, binding, status, priority, rank, due, updated_ms, attempts,
  started_ms, finished_ms, payload, error, history)
SELECT pg_temp.made_id(at, n), 2 * (at / 86400000) + (n % 20 < 2)::integer,
  CASE WHEN n % 3 = 0 THEN 'OTHER' ELSE 'PLAIN' END,
  CASE n % 20 WHEN 0 THEN 'FAILED' WHEN 1 THEN 'CANCELLED' ELSE 'COMPLETED' END,
  0, at, at, at, 1, at, at, '{"n":' || n || '}',
  CASE WHEN n % 20 = 0 THEN '["ValueError","it had to fail","","f","jobs:run"]' END,
  '[[1,"completed",' || at || ',' || at || ',"busy",null]]'
FROM (
  SELECT n, (kiribi.now_ms() / 86400000 - $2::integer) * 86400000 + n * 86400000 / $1 * $2 AS at
  FROM generate_series(1, $1::bigint - 1) AS n
) AS made
"""
BELONGINGS = (
    """INSERT INTO kiribi.payload (job_id, body)
    SELECT id, to_json(repeat('x', 1100)) FROM kiribi.job WHERE payload IS NULL""",
    """INSERT INTO kiribi.log (job_id, seq, attempt, at_ms, level, message)
    SELECT id, 1, 1, updated_ms, 'INFO', 'a line' FROM kiribi.job WHERE random() < 0.1""",
    """INSERT INTO kiribi.step (job_id, name, value)
    SELECT id, 'step', '1' FROM kiribi.job WHERE random() < 0.1""",
    """INSERT INTO kiribi.holder (binding, key, job_id)
    SELECT binding, id, id FROM kiribi.job WHERE random() < 0.1""",
    """INSERT INTO kiribi.dependency (on_id, job_id, if_failed)
    SELECT first_value(id) OVER (ORDER BY id), id, 'cancel' FROM kiribi.job
    WHERE shelf = 0 AND due = 253402300799999 OFFSET 1""",
    """INSERT INTO kiribi.dependency (on_id, job_id, if_failed, outcome)
    SELECT lag(id) OVER (ORDER BY id), id, 'cancel', 'COMPLETED' FROM kiribi.job
    WHERE shelf > 0 AND random() < 0.3 OFFSET 1""",
    """INSERT INTO kiribi.stat (span_ms, at_ms, binding, completed, changes)
    SELECT 60000, (kiribi.now_ms() / 60000 - n) * 60000, binding.name, 1, 1
    FROM generate_series(1, 120) AS n, kiribi.binding""",
    """INSERT INTO kiribi.stat (span_ms, at_ms, binding, pending, failed, cancelled)
    SELECT 0, 0, binding, count(*) FILTER (WHERE status = 'PENDING'),
      count(*) FILTER (WHERE status = 'FAILED'), count(*) FILTER (WHERE status = 'CANCELLED')
    FROM kiribi.job GROUP BY binding""",
)


async def crowd(url: str, rows: int) -> None:
    """Have so many jobs in a fresh database, and all that belongs to some."""
    store, queue = await open_store(url)
    await queue.close()
    await store.close()
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute(ID)
        await connection.execute(BINDINGS)
        await connection.execute(OPEN, rows // 2)
        await connection.execute(RARE)
        await connection.execute(RUN, RUNNING)
        await connection.execute(LANES)
        today = await connection.fetchval("SELECT kiribi.now_ms() / 86400000")
        for day in range(today - DAYS, today + 1):
            await connection.execute("SELECT kiribi.make_shelf($1 * 2)", day)
            await connection.execute("SELECT kiribi.make_shelf($1 * 2 + 1)", day)
        await connection.execute(ENDED, rows // 2, DAYS)
        for sql in BELONGINGS:
            await connection.execute(sql)
    await connection.close()


async def looked_at(url: str) -> None:
    """Let the planner know what there is."""
    connection = await asyncpg.connect(url)
    await connection.execute("ANALYZE")
    await connection.close()
