"""What ten million finished jobs that are kept cost those that wait: nothing, if it is right."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from benchmarks.bench import Bar, Bench, Figure, median
from benchmarks.postgres import sides
from benchmarks.postgres.database import ask, databases
from benchmarks.postgres.drain import WIDE
from benchmarks.postgres.kiribi_side import KiribiSide

DAYS = 10
"""Over which the finished jobs are spread: each has a shelf of its own."""
DAY = 86_400_000
COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = 'kiribi.job'::regclass AND attnum > 0 AND attname NOT IN ('id', 'shelf')
"""
FILL = """
INSERT INTO kiribi.job (id, shelf, {columns})
SELECT left(stamp, 8) || '-' || substr(stamp, 9) || '-7' || substr(gen_random_uuid()::text, 16),
  2 * %(day)s::integer, {columns}
FROM (
  SELECT lpad(to_hex(%(day)s * 86400000::bigint + n * 86400000 / %(jobs)s), 12, '0') AS stamp, job.*
  FROM generate_series(0::bigint, %(jobs)s - 1) AS n
  CROSS JOIN (SELECT {columns} FROM kiribi.job WHERE shelf > 0 LIMIT 1) AS job
) AS made
"""
COUNT = """
INSERT INTO kiribi.tally (at_ms, binding, completed, changes, enqueued, completions)
VALUES (%(day)s * 86400000::bigint, 'NOOP', %(jobs)s, %(jobs)s, %(jobs)s, %(jobs)s)
"""


def measure(bench: Bench) -> Iterator[Figure]:
    """Drains in turn in an empty database and in the full one."""
    empty: list[float] = []
    full: list[float] = []
    with databases(bench) as fresh, fresh.fresh() as kept:
        _grow(bench, kept)
        for turn in range(bench.repeat):
            say = f"draining beside {bench.kept:,} finished jobs, {turn + 1} of {bench.repeat}"
            bench.say(f"PostgreSQL: {say}")
            empty.append(sides.drain(KiribiSide(WIDE), fresh, bench.jobs))
            # what the last turn left is not what is measured
            ask(kept, "VACUUM kiribi.job_open")
            side = KiribiSide(WIDE, since=ask(kept, "SELECT kiribi.now_ms()")[0])
            side.enqueue_many(kept, bench.jobs)
            with side.worker(kept) as process:
                full.append(sides.worked_off(side, kept, bench.jobs, process))
    bar = Bar("empty", least=0.9, beside=empty)
    yield median(f"PostgreSQL: drain beside {bench.kept:,} finished jobs", full, "/s", bar)
    yield median("  empty", empty, "/s")


def _grow(bench: Bench, url: str) -> None:
    """Have one job performed, then put copies of its row on the shelves of the last days."""
    side = KiribiSide()
    side.make(url)
    side.enqueue_many(url, 1)
    with side.worker(url) as process:
        sides.worked_off(side, url, 1, process)
    (columns,) = ask(url, COLUMNS)
    (today,) = ask(url, "SELECT kiribi.now_ms() / 86400000")
    each = bench.kept // DAYS
    for day in range(today - DAYS, today):
        bench.say(f"PostgreSQL: making {bench.kept:,} finished jobs, {today - day} days left")
        asked = {"day": day, "jobs": each}
        with psycopg.connect(url) as connection:
            connection.execute("SELECT kiribi.make_shelf(%(day)s::integer * 2)", asked)
            connection.execute(FILL.format(columns=columns), asked)
            connection.execute(COUNT, asked)
        # else the server would do it while we measure
        ask(url, f"VACUUM (ANALYZE, FREEZE) kiribi.job_ended_{2 * day}")
    ask(url, "CHECKPOINT")
