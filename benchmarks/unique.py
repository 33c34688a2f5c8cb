"""What a unique key costs those who enqueue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from benchmarks.app import Noop
from benchmarks.bench import Bar, Bench, Figure, median
from benchmarks.kiribi_side import url
from kiribi import Kiribi, Unique

PART = 8
"""Turns between plain and unique jobs within one measurement: the machine changes meanwhile."""


def measure(bench: Bench) -> Iterator[Figure]:
    """On SQLite."""
    yield from measured(bench, "", lambda: nullcontext(url(bench.fresh())))


def measured(
    bench: Bench, where: str, fresh: Callable[[], AbstractContextManager[str]]
) -> Iterator[Figure]:
    """One by one and all at once, with and without a key; nobody holds it."""
    single: dict[bool, list[float]] = {False: [], True: []}
    many: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(bench.repeat):
        bench.say(f"{where}unique jobs, {turn + 1} of {bench.repeat}")
        for told, each in ((single, bench.jobs // 4), (many, bench.jobs)):
            with fresh() as at:
                for keyed, rate in asyncio.run(_rates(at, each, many=told is many)).items():
                    told[keyed].append(rate)
    bar = Bar("plain", least=0.7, beside=single[False])
    yield median(f"{where}enqueue of unique jobs, one by one", single[True], "/s", bar)
    yield median("  plain", single[False], "/s")
    yield median(f"{where}enqueue_many of {bench.jobs:,} unique jobs", many[True], "/s")
    yield median("  plain", many[False], "/s")


async def _rates(at: str, jobs: int, *, many: bool) -> dict[bool, float]:
    seconds = {False: 0.0, True: 0.0}
    each = jobs // PART
    async with Kiribi.connect(at, performers=[Noop]) as kiribi:
        await kiribi.enqueue("NOOP", {"n": 0})  # warm
        for part in range(PART):
            for keyed in seconds:
                numbers = range(part * each, (part + 1) * each)
                start = time.perf_counter()
                if many:
                    await kiribi.enqueue_many(
                        ("NOOP", {"n": n}, _options(n, keyed=keyed)) for n in numbers
                    )
                else:
                    for n in numbers:
                        await kiribi.enqueue("NOOP", {"n": n}, **_options(n, keyed=keyed))
                seconds[keyed] += time.perf_counter() - start
    return {keyed: PART * each / taken for keyed, taken in seconds.items()}


def _options(n: int, *, keyed: bool) -> dict[str, Any]:
    return {"unique": Unique(key=f"k{n}")} if keyed else {}
