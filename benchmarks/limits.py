"""What limits cost: keys in turn, and a million jobs that may not run in front of one that may."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from benchmarks import kiribi_side
from benchmarks.app import Noop, Often, Stamp
from benchmarks.bench import Bar, Bench, Figure, median, percentile
from benchmarks.kiribi_side import options, url
from kiribi import Kiribi
from kiribi.job import new_id
from kiribi.ports import NewJob, WorkerInfo
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store

KEYS = 1_000
BATCH = 100
STEP = 10_000


def measure(bench: Bench) -> Iterator[Figure]:
    """On SQLite."""

    def drain(keys: int) -> float:
        return kiribi_side.drain(bench.fresh(), bench.jobs, keys)

    yield from measured(bench, "", drain, lambda: nullcontext(url(bench.fresh())))


def measured(
    bench: Bench,
    where: str,
    drain: Callable[[int], float],
    fresh: Callable[[], AbstractContextManager[str]],
) -> Iterator[Figure]:
    """Drains and claims with and without keys in turn; then what stands behind a crowd.

    Args:
        where: what each name begins with.
        drain: jobs per second of a worker process, with so many keys.
        fresh: the URL of an empty database.
    """
    drains: dict[int, list[float]] = {0: [], KEYS: []}
    claims: dict[int, list[float]] = {0: [], KEYS: []}
    for turn in range(bench.repeat):
        bench.say(f"{where}limits, {turn + 1} of {bench.repeat}")
        for keys in (0, KEYS):
            drains[keys].append(drain(keys))
            with fresh() as at:
                claims[keys].append(asyncio.run(_claims(at, bench.jobs, keys)))
    note = f"{KEYS:,} keys, one job of each at a time"
    bar = Bar("without limits", least=0.5, beside=drains[0])
    yield median(
        f"{where}drain of {bench.jobs:,} jobs with keys", drains[KEYS], "/s", bar, note=note
    )
    yield median("  without limits", drains[0], "/s")
    note = f"{BATCH} a claim, alone"
    yield median(f"{where}claims of jobs with keys", claims[KEYS], "/s", note=note)
    yield median("  without limits", claims[0], "/s")
    with fresh() as at:
        waits = asyncio.run(_behind(bench, at))
    for name, samples in waits.items():
        note = f"p50 {statistics.median(samples):.2f} ms"
        yield Figure(
            f"{where}start behind {bench.history:,} {name} jobs, p99",
            percentile(samples, 0.99),
            "ms",
            [Bar("", most=20)],
            samples,
            note,
        )


async def _claims(at: str, jobs: int, keys: int) -> float:
    """Jobs claimed per second, without what becomes of them; each key has one claimed at most."""
    store, queue = await open_store(at)
    await store.enlist(WorkerInfo("w", bindings=("NOOP",)), 600_000)
    given = [json.dumps(options(n, keys)) for n in range(keys)] or [None]
    await store.insert(
        [NewJob(new_id(), "NOOP", "1", options=given[n % len(given)]) for n in range(jobs)]
    )
    start, claimed = time.perf_counter(), 0
    for _ in range(min(jobs, KEYS) // BATCH):
        claimed += len(await store.claim("w", ["NOOP"], BATCH))
    rate = claimed / (time.perf_counter() - start)
    await queue.close()
    await store.close()
    return rate


async def _behind(bench: Bench, at: str) -> dict[str, list[float]]:
    """How long a due job of another binding waits, beside a crowd that is held back."""
    waits: dict[str, list[float]] = {}
    async with Kiribi.connect(at, performers=[Noop, Often, Stamp]) as kiribi:
        await kiribi.pause(Often)
        for start in range(0, bench.history, STEP):
            bench.say(f"making {bench.history:,} jobs that may not run: {start:,} enqueued")
            await kiribi.enqueue_many(
                ("OFTEN", {"n": 1}, options(n, KEYS if n % 2 else 0))
                for n in range(start, min(start + STEP, bench.history))
            )
        async with Worker(kiribi):
            waits["paused"] = await _waits(kiribi, bench.samples)
        await kiribi.limit(Often, concurrency=1)
        await kiribi.resume(Often)
        await kiribi.store.enlist(WorkerInfo("holder", bindings=("OFTEN",)), 3_600_000)
        assert len(await kiribi.store.claim("holder", ["OFTEN"], 1)) == 1
        async with Worker(kiribi):
            waits["limited"] = await _waits(kiribi, bench.samples)
    return waits


async def _waits(kiribi: Kiribi, samples: int) -> list[float]:
    await kiribi.result((await kiribi.enqueue("STAMP", {"asked": 0})).id)  # warm
    waits: list[float] = []
    for n in range(samples):
        await asyncio.sleep(0.02 + n % 50 / 1000)
        job = await kiribi.enqueue("STAMP", {"asked": time.monotonic_ns()})
        waits.append(await kiribi.result(job.id) / 1e6)
    return waits
