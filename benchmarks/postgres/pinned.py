"""Whether a transaction that stays open slows the claims: what jobs leave cannot be removed.

All jobs wait from the start, so that only the worker counts, not whoever enqueues: every job that
is done leaves dead entries in front of those that wait. Where all are done before four times ten
seconds are over, the windows that are compared are shorter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import psycopg

from benchmarks.bench import Bar, Bench, Figure
from benchmarks.postgres import peers, sides
from benchmarks.postgres.database import Databases, databases
from benchmarks.postgres.drain import WIDE
from benchmarks.postgres.kiribi_side import KiribiSide
from benchmarks.postgres.sides import Side

WINDOW = 10.0
"""Seconds."""
PARTS = 4
TENTHS = "SELECT floor((at - ({began})) * 10)::int, count(*) FROM ({ended}) AS ended GROUP BY 1"


def measure(bench: Bench) -> Iterator[Figure]:
    """Kiribi, and PgQueuer for comparison."""
    with databases(bench) as fresh:
        yield from _figures(bench, "PostgreSQL", KiribiSide(WIDE), fresh, Bar("", least=0.7))
        if queuer := peers.there().get("PgQueuer"):
            yield from _figures(bench, "  PgQueuer", queuer[1], fresh)


def _figures(bench: Bench, name: str, side: Side, fresh: Databases, *bars: Bar) -> Iterator[Figure]:
    bench.say(f"{name.strip()}: {bench.pinned:,} jobs while another transaction stays open")
    done = _done(side, fresh, bench.pinned)
    width = min(int(WINDOW * 10), max(1, len(done) // PARTS))
    slowest, fastest = (rate * 10 / width for rate in _extremes(done, width))
    note = f"{slowest:,.0f}/s and {fastest:,.0f}/s in {width / 10:g} s, of {len(done) / 10:g} s"
    title = f"{name}: slowest time beside the fastest, {bench.pinned:,} jobs, a transaction open"
    yield Figure(title, slowest / fastest, "×", bars, done, note)


def _done(side: Side, fresh: Databases, jobs: int) -> list[int]:
    """How many jobs were done in each tenth of a second."""
    with fresh.fresh() as url, psycopg.connect(url) as pinned:
        side.make(url)
        side.enqueue_many(url, jobs)
        pinned.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        pinned.execute("SELECT count(*) FROM pg_class")
        with side.worker(url) as process:
            sides.worked_off(side, url, jobs, process)
        with psycopg.connect(url) as connection:
            asked = TENTHS.format(began=side.began, ended=side.ended)
            counted: dict[int, int] = dict(connection.execute(asked).fetchall())
    return [counted.get(tenth, 0) for tenth in range(max(counted) + 1)]


def _extremes(done: Sequence[int], width: int) -> tuple[int, int]:
    """The fewest and the most in so many entries next to each other."""
    sums = list(accumulate(done, initial=0))
    windows = [after - before for before, after in zip(sums, sums[width:], strict=False)]
    return min(windows), max(windows)
