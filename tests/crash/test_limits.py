"""A worker is killed while it holds a slot: rescue frees it, and nobody had more meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.crash.world import BEAT, LEASE_MS, Crew, begun, ended, looking, ran

from kiribi import JobStatus


def test_a_killed_worker_gives_its_slots_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            holder = await kiribi.enqueue("HOLD", concurrency_key="k")
            other = await kiribi.enqueue("HOLD", concurrency_key="k")
            await kiribi.limit("HOLD", concurrency=1)
            with Crew(tmp_path, processes=2):
                child = await begun(tmp_path, holder)
                codes = [one.code for one in (await kiribi.explain(other.id)).reasons]
                assert {"limit_full", "key_limit_full"} <= {*codes}
                os.kill(child, signal.SIGKILL)
                # of both, the one that crashed is older: it runs again, and then the other
                await begun(tmp_path, holder, attempt=2)
                (tmp_path / "go").touch()
                first, second = await ended(kiribi, holder), await ended(kiribi, other)
            assert (first.status, first.crashes) == (JobStatus.COMPLETED, 1)
            assert (second.status, second.attempts) == (JobStatus.COMPLETED, 1)
            assert first.finished_ms is not None
            assert second.started_ms is not None
            assert first.finished_ms <= second.started_ms
            assert len(ran(tmp_path)) == 3

    asyncio.run(run())


def test_a_killed_supervisors_slots_come_back_with_the_lease(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            holder = await kiribi.enqueue("HOLD", concurrency_key="k")
            with Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT) as crew:
                await begun(tmp_path, holder)
                crew.kill()
            other = await kiribi.enqueue("QUICK", 0)
            (tmp_path / "go").touch()
            with Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT):
                assert (await ended(kiribi, other)).status is JobStatus.COMPLETED
                job = await ended(kiribi, holder)
                assert (job.status, job.crashes) == (JobStatus.COMPLETED, 1)

    asyncio.run(run())
