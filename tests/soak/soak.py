"""A steady load while workers come and go; what was seen, and what became of the jobs."""

from __future__ import annotations

import asyncio
import os
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.soak import app
from tests.soak.load import Load
from tests.soak.processes import Crew, held
from tests.soak.samples import Sample, percentiles, size

DRAIN_SECONDS = 120.0
"""Until all is done once nobody enqueues any more; a lost lease among it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How it goes: seconds, jobs a second, seconds between two looks, and of a visit."""

    seconds: float
    rate: float
    every: float
    visit: float
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen; `accepted` jobs, of which `completed` and `failed`; how many visited."""

    samples: list[Sample]
    accepted: int
    completed: int
    failed: int
    visits: int


async def soak(database: str, folder: Path, plan: Plan) -> Outcome:
    """Do it, on a database that nobody else uses.

    Raises:
        AssertionError: a worker did not leave as it should, or jobs do not end.
    """
    samples: list[Sample] = []
    async with app.Default.connect(database) as kiribi:
        load = Load(kiribi, plan.rate)
        with Crew(database, folder) as resident:
            await resident.works()
            async with asyncio.TaskGroup() as group:
                enqueueing = group.create_task(load.run(plan.seconds))
                group.create_task(_look(enqueueing, resident, load, database, plan, samples))
                visiting = group.create_task(_visits(database, folder, plan))
            await _drained(load)
            await asyncio.to_thread(resident.leave)
        stats = await kiribi.stats(hours=24)
        return Outcome(
            samples,
            load.accepted,
            sum(one.completed for one in stats),
            sum(one.failed - one.retried for one in stats),
            visiting.result(),
        )


async def _look(
    enqueueing: asyncio.Task[None],
    resident: Crew,
    load: Load,
    database: str,
    plan: Plan,
    samples: list[Sample],
) -> None:
    began = time.monotonic()
    parts = urlsplit(database)
    path = parts.path.removeprefix("/") if parts.scheme == "sqlite" else None
    while not enqueueing.done():
        await asyncio.sleep(plan.every)
        of_worker, of_client = held(resident.pids), held([os.getpid()])
        calls, load.calls = load.calls, []
        samples.append(
            Sample(
                time.monotonic() - began,
                of_worker.memory or None,
                of_worker.files or None,
                of_client.memory or None,
                of_client.files or None,
                size(f"{path}-wal") if path else None,
                size(path) if path else None,
                percentiles(await load.waits()),
                percentiles(calls),
                await load.open(),
            )
        )


async def _visits(database: str, folder: Path, plan: Plan) -> int:
    """Workers that come, lose a child now and then, and go; how many."""
    chance = random.Random(plan.seed)
    until = time.monotonic() + plan.seconds
    visits = 0
    while time.monotonic() < until:
        with ExitStack() as stack:
            visitors = [
                stack.enter_context(Crew(database, folder)) for _ in range(chance.randint(1, 2))
            ]
            for visitor in visitors:
                await visitor.works()
            await asyncio.sleep(plan.visit * chance.uniform(0.5, 1))
            if chance.random() < 0.5:
                visitors[0].lose_a_child()
            await asyncio.sleep(plan.visit * chance.uniform(0, 0.5))
            for visitor in visitors:
                await asyncio.to_thread(visitor.leave)
        visits += len(visitors)
    return visits


async def _drained(load: Load) -> None:
    until = time.monotonic() + DRAIN_SECONDS
    while left := await load.open():
        assert time.monotonic() < until, f"{left} jobs have not ended"
        await asyncio.sleep(0.1)
