"""A past of many jobs, written straight into the tables: a million in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import apsw

BINDINGS = ("SEND_MAIL", "INDEX_SOURCE", "RESIZE_IMAGE", "SYNC_CRM")
HOUR = 3_600_000
MINUTE = 60_000

# The newest job is the last; ids are as UUIDv7 would be. Of a hundred jobs two have failed, one
# was cancelled, and the last few of all still wait.
JOBS = """
WITH RECURSIVE one (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM one WHERE n + 1 < ?1),
born AS (
  SELECT n, CAST(?2 + (?3 - ?2) * pow(n * 1.0 / ?1, 0.8) AS INTEGER) AS ms,
    abs(random()) AS chance FROM one
),
told AS (
  SELECT *, n >= ?1 - ?5 AS waits,
    CASE WHEN n >= ?1 - ?5 THEN 'PENDING'
      WHEN n % ?7 = ?7 - 3 THEN 'FAILED' WHEN n % 100 = 60 THEN 'CANCELLED' ELSE 'COMPLETED' END
      AS status,
    json_extract(?6, '$[' || (chance % 10 % 4) || ']') AS binding,
    50 + chance / 7 % 900 AS wait, 200 + chance / 13 % 2600 AS run
  FROM born
)
INSERT INTO job (id, binding, status, open, rank, due, priority, attempts, failures, updated_ms,
  started_ms, finished_ms, payload, error, result, history)
SELECT
  format('%08x-%04x-7%03x-8%03x-%012x', ms >> 16, ms & 65535, n % 4096, chance % 4096, n),
  binding, status, iif(waits, 1, NULL), ms, ms, 0, iif(waits, 0, 1), status = 'FAILED',
  ms + wait + run, iif(waits, NULL, ms + wait), iif(waits, NULL, ms + wait + run),
  json_object('to', 'reader' || n || '@example.com', 'user', json_object('id', n % 5000)),
  iif(status = 'FAILED', json_array('TimeoutError', 'no answer from mail.example.com',
    'Traceback (most recent call last):' || char(10) || '  File "app/mail.py", line 41'), NULL),
  iif(status = 'COMPLETED', '{"accepted":true}', NULL),
  iif(waits, NULL, json_array(json_array(1, lower(status), ms + wait, ms + wait + run, 'w1', NULL)))
FROM told
"""

TALLIES = """
INSERT INTO stat (span_ms, at_ms, binding, enqueued, completions, failures, waits, wait_ms, runs,
  run_ms)
SELECT span, finished_ms - finished_ms % span, binding, count(*), sum(status = 'COMPLETED'),
  sum(status = 'FAILED'), count(*), sum(started_ms - due), count(*), sum(finished_ms - started_ms)
FROM (SELECT *, iif(finished_ms >= ?4, 60000, 3600000) AS span FROM job
  WHERE finished_ms IS NOT NULL)
GROUP BY 1, 2, 3
ON CONFLICT DO NOTHING
"""

COUNTERS = """
INSERT INTO stat (span_ms, at_ms, binding, pending, completed, failed, cancelled, changes)
SELECT 0, 0, binding, sum(status = 'PENDING'), sum(status = 'COMPLETED'), sum(status = 'FAILED'),
  sum(status = 'CANCELLED'), count(*) FROM job WHERE true GROUP BY binding
"""


def statements(
    jobs: int, now_ms: int, *, days: float = 7, waiting: int = 0, failing: int = 50
) -> list[tuple[str, tuple[int | str, ...]]]:
    """What puts so many jobs of the last days into an empty, migrated database.

    The last `waiting` still wait; of those that ended, one in `failing` failed.
    """
    recent = now_ms - now_ms % HOUR - HOUR
    from_ms, to_ms = now_ms - round(days * 24 * HOUR), now_ms - MINUTE
    values = (jobs, from_ms, to_ms, recent, waiting, json.dumps(BINDINGS), failing)
    return [(JOBS, values), (TALLIES, values[:4]), (COUNTERS, ())]


def fill(database: Path, jobs: int, now_ms: int, *, days: float = 7, waiting: int = 0) -> None:
    """So many jobs of the last days, into an empty, migrated SQLite file."""
    connection = apsw.Connection(str(database))
    with connection:
        for statement, values in statements(jobs, now_ms, days=days, waiting=waiting):
            connection.execute(statement, values)
    connection.close()
