"""What limits cost: keys in turn, and a million jobs that may not run in front of one that may."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import kiribi_side
from benchmarks.app import Noop, Often, Stamp
from benchmarks.bench import Bar, Bench, Figure, median, observed_rate, percentile
from benchmarks.kiribi_side import look, url, worker
from kiribi import Kiribi
from kiribi.job import new_id
from kiribi.ports import NewJob, WorkerInfo
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store

KEYS = 1_000
BATCH = 100
STEP = 10_000


def measure(bench: Bench) -> Iterator[Figure]:
    """Drains and claims with and without keys in turn; then what stands behind a crowd."""
    plain: list[float] = []
    keyed: list[float] = []
    claims: list[float] = []
    claims_of_keys: list[float] = []
    for turn in range(bench.repeat):
        bench.say(f"limits, {turn + 1} of {bench.repeat}")
        plain.append(kiribi_side.drain(bench.fresh(), bench.jobs))
        keyed.append(_drain(bench.fresh(), bench.jobs))
        claims.append(asyncio.run(_claims(bench.fresh(), bench.jobs, 0)))
        claims_of_keys.append(asyncio.run(_claims(bench.fresh(), bench.jobs, KEYS)))
    bar = Bar("without limits", least=0.5, beside=plain)
    note = f"{KEYS:,} keys, one job of each at a time"
    yield median(f"drain of {bench.jobs:,} jobs with keys", keyed, "/s", bar, note=note)
    yield median("  without limits", plain, "/s")
    yield median("claims of jobs with keys", claims_of_keys, "/s", note=f"{BATCH} a claim, alone")
    yield median("  without limits", claims, "/s")
    waits = asyncio.run(_behind(bench, bench.fresh()))
    for name, samples in waits.items():
        note = f"p50 {statistics.median(samples):.2f} ms"
        yield Figure(
            f"start behind {bench.history:,} {name} jobs, p99",
            percentile(samples, 0.99),
            "ms",
            [Bar("", most=20)],
            samples,
            note,
        )


def _drain(path: Path, jobs: int) -> float:
    async def fill() -> None:
        async with Kiribi.connect(url(path), performers=[Noop]) as kiribi:
            await kiribi.enqueue_many(
                ("NOOP", {"n": n}, {"concurrency_key": f"k{n % KEYS}"}) for n in range(jobs)
            )

    asyncio.run(fill())
    with look(path) as database, worker(path):
        left = "SELECT count(*) FROM job WHERE open = 1"
        return observed_rate(lambda: jobs - database.execute(left).get, jobs)


async def _claims(path: Path, jobs: int, keys: int) -> float:
    """Jobs claimed per second, without what becomes of them; each key has one claimed at most."""
    store, queue = await open_store(url(path))
    await store.enlist(WorkerInfo("w", bindings=("NOOP",)), 600_000)
    options = [f'{{"concurrency_key":"k{n}"}}' for n in range(keys)] or [None]
    await store.insert(
        [NewJob(new_id(), "NOOP", "1", options=options[n % len(options)]) for n in range(jobs)]
    )
    start, claimed = time.perf_counter(), 0
    for _ in range(min(jobs, KEYS) // BATCH):
        claimed += len(await store.claim("w", ["NOOP"], BATCH))
    rate = claimed / (time.perf_counter() - start)
    await queue.close()
    await store.close()
    return rate


async def _behind(bench: Bench, path: Path) -> dict[str, list[float]]:
    """How long a due job of another binding waits, beside a crowd that is held back."""
    waits: dict[str, list[float]] = {}
    async with Kiribi.connect(url(path), performers=[Noop, Often, Stamp]) as kiribi:
        await kiribi.pause(Often)
        for start in range(0, bench.history, STEP):
            bench.say(f"making {bench.history:,} jobs that may not run: {start:,} enqueued")
            await kiribi.enqueue_many(
                ("OFTEN", {"n": 1}, {"concurrency_key": f"k{n % KEYS}"} if n % 2 else {})
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
