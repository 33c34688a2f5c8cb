"""How fast jobs are accepted, each durable when its call returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import bare, huey_side
from benchmarks.app import Noop
from benchmarks.bench import Bar, Bench, Figure, median
from benchmarks.kiribi_side import url
from kiribi import Kiribi

CALLERS = 64


def measure(bench: Bench) -> Iterator[Figure]:
    """One caller, 64 callers, all at once; Huey and the bare INSERT in turn with them."""
    few = bench.jobs // 4
    single: list[float] = []
    many: list[float] = []
    huey: list[float] = []
    bulk: list[float] = []
    insert: list[tuple[float, float]] = []
    for turn in range(bench.repeat):
        bench.say(f"enqueueing, {turn + 1} of {bench.repeat}")
        single.append(one_by_one(bench.fresh(), few))
        huey.append(huey_side.enqueue(bench.fresh(), few))
        many.append(asyncio.run(_callers(bench.fresh(), CALLERS, bench.jobs // CALLERS)))
        bulk.append(asyncio.run(_enqueue_many(bench.fresh(), bench.jobs)))
        insert.append(bare.insert(bench.fresh(), bench.jobs))
    yield median("enqueue, one by one", single, "/s", Bar("Huey", least=0.85, beside=huey))
    yield median(
        f"enqueue, {CALLERS} callers at once",
        many,
        "/s",
        Bar("Huey, one by one", least=5, beside=huey),
    )
    yield median("  Huey, one by one", huey, "/s", note="fsync on")
    whole, alone = ([one[part] for one in insert] for part in (0, 1))
    bar = Bar("bare INSERT", least=0.5, beside=whole)
    yield median(f"enqueue_many, {bench.jobs:,}", bulk, "/s", bar)
    yield median("  bare INSERT", whole, "/s", note="ids and JSON made, one INSERT … json_each")
    yield median("  bare INSERT, rows ready", alone, "/s", note="the statement alone")


def one_by_one(path: Path, jobs: int) -> float:
    """Jobs per second of one caller."""
    return asyncio.run(_callers(path, 1, jobs))


async def _callers(path: Path, callers: int, each: int) -> float:
    async with Kiribi.connect(url(path), performers=[Noop]) as kiribi:

        async def call() -> None:
            for n in range(each):
                await kiribi.enqueue("NOOP", {"n": n})

        start = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(callers)))
        return callers * each / (time.perf_counter() - start)


async def _enqueue_many(path: Path, jobs: int) -> float:
    async with Kiribi.connect(url(path), performers=[Noop]) as kiribi:
        start = time.perf_counter()
        await kiribi.enqueue_many(("NOOP", {"n": n}) for n in range(jobs))
        return jobs / (time.perf_counter() - start)
