"""How fast workers work off jobs that wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.bench import Bar, Bench, Figure, median, until
from benchmarks.postgres import peers, sides
from benchmarks.postgres.database import Databases, ask, databases
from benchmarks.postgres.kiribi_side import KiribiSide

WIDE = 500
"""Jobs at a time, as many as PgQueuer's best setting claims."""
LEADS = (4.0, 8.0, 16.0)
"""Seconds in which jobs are enqueued and workers start, so that all begin at the same moment."""

UP = "SELECT count(*) FROM kiribi.worker WHERE bindings <> '[]'"
BEGUN = "SELECT EXISTS (SELECT 1 FROM kiribi.job WHERE shelf = 0 AND due <= kiribi.now_ms())"


def measure(bench: Bench) -> Iterator[Figure]:
    """Kiribi and its peers in turn; then one worker process and two."""
    with databases(bench) as fresh:
        yield from _beside(bench, fresh)
        yield from _two(bench, fresh)


def _beside(bench: Bench, fresh: Databases) -> Iterator[Figure]:
    others = peers.there(again=True)
    ours = {"default": KiribiSide(), "wide": KiribiSide(concurrency=WIDE)}
    rates: dict[str, list[float]] = {name: [] for name in (*ours, *others)}
    for turn in range(bench.repeat):
        bench.say(f"PostgreSQL: draining {bench.jobs:,} jobs, {turn + 1} of {bench.repeat}")
        for name, side in ours.items():
            rates[name].append(sides.drain(side, fresh, bench.jobs))
        for name, (peer, side) in others.items():
            rates[name].append(sides.drain(side, fresh, int(bench.jobs * peer.share)))
    title = f"PostgreSQL: drain of {bench.jobs:,} waiting jobs"
    bars = peers.bars(rates, {"PgQueuer": 1.1, "Oban": 10})
    note = f"kiribi worker --concurrency {WIDE}, one process"
    yield median(title, rates["wide"], "/s", *bars, note=note)
    yield median("  at the default concurrency, 100", rates["default"], "/s")
    for name, (peer, _) in others.items():
        yield median(f"  {name}", rates[name], "/s", note=peer.settings)


def _two(bench: Bench, fresh: Databases) -> Iterator[Figure]:
    rates: Mapping[int, list[float]] = {1: [], 2: []}
    for turn in range(bench.repeat):
        bench.say(f"PostgreSQL: one worker process and two, {turn + 1} of {bench.repeat}")
        for processes, told in rates.items():
            told.append(_together(KiribiSide(WIDE, processes), fresh, bench.jobs))
    title = "PostgreSQL: the same, two worker processes"
    bar = Bar("one", least=1.2, beside=rates[1])
    note = "all jobs are due at one moment, when all workers are up"
    yield median(title, rates[2], "/s", bar, note=note)
    yield median("  one worker process", rates[1], "/s")


def _together(side: KiribiSide, fresh: Databases, jobs: int) -> float:
    """Jobs per second when all worker processes begin at the same moment."""
    for lead in LEADS:
        with fresh.fresh() as url:
            side.make(url)
            side.enqueue_many(url, jobs, lead)
            with side.worker(url) as process:
                until(lambda: ask(url, UP)[0] == side.processes, "all workers are up", pause=0.05)
                if not ask(url, BEGUN)[0]:
                    return sides.worked_off(side, url, jobs, process)
    raise TimeoutError("the workers were never up before the jobs were due")
