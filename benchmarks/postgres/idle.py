"""Whether workers that have nothing to do slow one that has.

They serve another binding of the same application, hear every ring, and look once a second, as
workers do. Jobs come in portions while they are worked off, so that there is something to hear.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

from benchmarks.app import Noop
from benchmarks.bench import Bar, Bench, Figure, median, until
from benchmarks.postgres import sides
from benchmarks.postgres.database import Databases, ask, databases
from benchmarks.postgres.kiribi_side import KiribiSide
from benchmarks.postgres.process import running
from kiribi import Kiribi

PORTION = 100
UP = """SELECT count(*) FROM kiribi.worker WHERE bindings = '["OFTEN"]'"""


def measure(bench: Bench) -> Iterator[Figure]:
    """With one idle worker and with many, in turn."""
    rates: dict[int, list[float]] = {1: [], bench.idle: []}
    with databases(bench) as fresh:
        for turn in range(bench.repeat):
            for idle, told in rates.items():
                say = f"{idle} idle workers, {turn + 1} of {bench.repeat}"
                bench.say(f"PostgreSQL: draining beside {say}")
                told.append(_drain(fresh, bench.jobs, idle))
    bar = Bar("one", least=0.9, beside=rates[1])
    title = f"PostgreSQL: drain with {bench.idle} idle workers listening"
    note = f"jobs come {PORTION} at a time while they are worked off"
    yield median(title, rates[bench.idle], "/s", bar, note=note)
    yield median("  with one", rates[1], "/s")


def _drain(fresh: Databases, jobs: int, idle: int) -> float:
    side = KiribiSide()
    idlers = [sys.executable, "-m", "benchmarks.postgres.idlers"]
    with fresh.fresh() as url:
        side.make(url)
        with side.worker(url) as process, running([*idlers, url, str(idle)]):
            until(lambda: ask(url, UP)[0] == idle, "idle workers are up", pause=0.1)
            asyncio.run(_feed(url, jobs))
            return sides.worked_off(side, url, jobs, process)


async def _feed(url: str, jobs: int) -> None:
    async with Kiribi.connect(url, performers=[Noop]) as kiribi:
        for start in range(0, jobs, PORTION):
            await kiribi.enqueue_many(("NOOP", {"n": start + n}) for n in range(PORTION))
