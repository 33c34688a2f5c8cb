"""`explain` beside a real worker: what it says holds while it says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.integration.worker_world import ended, until, working

from kiribi import Job, JobStatus, Kiribi, Reason

APP = """
import asyncio
from pathlib import Path
from kiribi import Performer, RateLimit, RetryBudget

class Alone(Performer):
    concurrency = 1
    async def perform(self, payload):
        while not Path(payload).exists():
            await asyncio.sleep(0.01)

class Keyed(Alone):
    concurrency = None

class Rare(Performer):
    rate_limit = RateLimit(1, per=3600)
    async def perform(self, payload):
        pass

class Broken(Performer):
    max_attempts = 1
    retry_budget = RetryBudget(failures=2, probe=3600)
    async def perform(self, payload):
        raise ConnectionError("no answer")
"""


async def told(kiribi: Kiribi, job: Job, code: str) -> Reason:
    """The reason of this code, once it is given."""

    async def look() -> Reason | None:
        reasons = (await kiribi.explain(job.id)).reasons
        return next((reason for reason in reasons if reason.code == code), None)

    return await until(look)


def test_who_holds_a_limit(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            go = tmp_path / "go"
            holder = await kiribi.enqueue("ALONE", str(go))
            await told(kiribi, holder, "running")
            waiting = await kiribi.enqueue("ALONE", str(go))
            full = await told(kiribi, waiting, "limit_full")
            assert full.params["holders"] == [holder.id]
            keys = [
                await kiribi.enqueue("KEYED", str(go), concurrency_key="tenant-7") for _ in range(2)
            ]
            await told(kiribi, keys[0], "running")
            full = await told(kiribi, keys[1], "key_limit_full")
            assert (full.params["key"], full.params["holders"]) == ("tenant-7", [keys[0].id])
            go.touch()
            for job in (holder, waiting, *keys):
                assert (await ended(kiribi, job)).status is JobStatus.COMPLETED

    asyncio.run(run())


def test_when_a_rate_or_a_breaker_lets_it_start(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            await ended(kiribi, await kiribi.enqueue("RARE"))
            late = await told(kiribi, await kiribi.enqueue("RARE"), "rate_limited")
            assert 3500 < late.params["seconds"] <= 3600
            for _ in range(2):
                await ended(kiribi, await kiribi.enqueue("BROKEN"))
            parked = await told(kiribi, await kiribi.enqueue("BROKEN"), "breaker_open")
            assert parked.params["failures"] == 2
            assert 3500 < parked.params["seconds"] <= 3600

    asyncio.run(run())


def test_what_it_waits_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            go = tmp_path / "go"
            first = await kiribi.enqueue("ALONE", str(go))
            after = await kiribi.enqueue("KEYED", str(go), after=first.id)
            waits = await told(kiribi, after, "waits_for_jobs")
            assert waits.params["jobs"] == [first.id]
            go.touch()
            assert (await ended(kiribi, after)).status is JobStatus.COMPLETED

    asyncio.run(run())
