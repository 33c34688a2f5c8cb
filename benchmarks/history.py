"""What a million finished jobs in the file cost: nothing, if the indexes are right."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import kiribi_side
from benchmarks.app import Noop, Often, Seldom
from benchmarks.bench import Bar, Bench, Figure, median, percentile, until
from benchmarks.kiribi_side import look, url, worker
from kiribi import Kiribi

STEP = 10_000
LOOKS = 50
PERFORMERS = [Noop, Often, Seldom]


def measure(bench: Bench) -> Iterator[Figure]:
    """Drains in turn in an empty file and in the large one; then the views of the large one."""
    large = bench.fresh()
    asyncio.run(_grow(bench, large))
    full: list[float] = []
    empty: list[float] = []
    for turn in range(bench.repeat):
        bench.say(f"draining beside {bench.history:,} finished jobs, {turn + 1} of {bench.repeat}")
        empty.append(kiribi_side.drain(bench.fresh(), bench.jobs))
        full.append(kiribi_side.drain(large, bench.jobs))
    bar = Bar("empty file", least=0.9, beside=empty)
    yield median(f"drain beside {bench.history:,} finished jobs", full, "/s", bar)
    yield median("  empty file", empty, "/s")
    bench.say(f"looking at {bench.history:,} finished jobs")
    for name, looks in asyncio.run(_views(large)).items():
        note = f"p99; p50 {statistics.median(looks):.2f} ms"
        yield Figure(name, percentile(looks, 0.99), "ms", [Bar("", most=10)], looks, note)


async def _grow(bench: Bench, path: Path) -> None:
    async with Kiribi.connect(url(path), performers=PERFORMERS) as kiribi:
        for start in range(0, bench.history, STEP):
            bench.say(f"making {bench.history:,} finished jobs: {start:,} enqueued")
            await kiribi.enqueue_many(
                (PERFORMERS[1 + n % 20 if n % 20 < 2 else 0], {"n": n // 20})
                for n in range(start, min(start + STEP, bench.history))
            )
    bench.say(f"making {bench.history:,} finished jobs: running them")
    with worker(path), look(path) as database:
        waiting = "SELECT EXISTS (SELECT 1 FROM job WHERE open = 1)"
        until(lambda: not database.execute(waiting).get, "all jobs have ended", pause=0.5)


async def _views(path: Path) -> dict[str, list[float]]:
    async with Kiribi.connect(url(path), performers=PERFORMERS) as kiribi:
        old = (await kiribi.find_many({"status": "FAILED"}, limit=1000)).jobs[-1].id

        def newest(binding: str) -> Callable[[], Awaitable[Any]]:
            return lambda: kiribi.find_many({"binding": binding, "status": "FAILED"}, limit=50)

        return {
            "newest 50 FAILED of a binding": await _timed(newest("OFTEN")),
            "newest 50 FAILED, one in a thousand": await _timed(newest("SELDOM")),
            "newest 50 of all": await _timed(lambda: kiribi.find_many(limit=50)),
            "pulse": await _timed(kiribi.pulse),
            "a job by id": await _timed(lambda: kiribi.find(old)),
        }


async def _timed(view: Callable[[], Awaitable[Any]]) -> list[float]:
    took: list[float] = []
    for _ in range(LOOKS):
        start = time.perf_counter()
        await view()
        took.append((time.perf_counter() - start) * 1000)
    return took
