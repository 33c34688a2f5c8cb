"""How soon an idle worker starts a job: from the call of `enqueue` to the first line of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import huey_side
from benchmarks.app import Stamp
from benchmarks.bench import Bar, Bench, Figure, percentile
from benchmarks.kiribi_side import url, worker
from kiribi import Kiribi
from kiribi.runtimes.worker import Worker


def measure(bench: Bench) -> Iterator[Figure]:
    """In the same process, in another, and Huey's in another."""
    samples = bench.samples
    bench.say(f"start latency, same process, {samples} jobs")
    here = asyncio.run(_same_process(bench.fresh(), samples))
    bench.say(f"start latency, other process, {samples} jobs")
    there = asyncio.run(other_process(bench.fresh(), samples))
    bench.say(f"start latency, Huey, {samples} jobs")
    huey = huey_side.latency(bench.fresh(), samples)
    yield from _figures("start latency, same process", here, Bar("", most=2), Bar("", most=10))
    yield from _figures("start latency, other process", there, Bar("", most=25), Bar("", most=50))
    yield from _figures("  Huey, other process", huey)


def _figures(name: str, waits: list[float], *bars: Bar) -> Iterator[Figure]:
    yield Figure(f"{name}, p50", percentile(waits, 0.5), "ms", bars[:1], waits)
    yield Figure(f"{name}, p99", percentile(waits, 0.99), "ms", bars[1:])


async def _same_process(path: Path, samples: int) -> list[float]:
    async with (
        Kiribi.connect(url(path), performers=[Stamp]) as kiribi,
        Worker(kiribi),
    ):
        return await waits(kiribi, samples)


async def other_process(path: Path, samples: int) -> list[float]:
    """Milliseconds until a `kiribi worker` starts each."""
    async with Kiribi.connect(url(path), performers=[Stamp]) as kiribi:
        with worker(path):
            return await waits(kiribi, samples)


async def waits(kiribi: Kiribi, samples: int) -> list[float]:
    """Milliseconds until an idle worker starts each."""
    told: list[float] = []
    await kiribi.result((await kiribi.enqueue("STAMP", {"asked": 0})).id)  # warm
    for n in range(samples):
        # The worker must be idle, and be asked at every phase of whatever it polls.
        await asyncio.sleep(0.02 + n % 50 / 1000)
        job = await kiribi.enqueue("STAMP", {"asked": time.monotonic_ns()})
        told.append(await kiribi.result(job.id) / 1e6)
    return told
