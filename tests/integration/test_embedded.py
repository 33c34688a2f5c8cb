"""A worker without a supervisor keeps house itself: rescue, chains, bulk actions."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.crash.test_successors import SETTLE_AND_DIE
from tests.integration.worker_world import ended, managing, until

from kiribi import Action, JobStatus, Kiribi
from kiribi._lease import LEASE_MS, ThreadLease, this_worker
from kiribi.action import ActionStatus
from kiribi.job import HELD_MS
from kiribi.ports import WorkerInfo
from kiribi.runtimes.worker import Worker
from kiribi.testing import FakeClock, connected

APP = """
from kiribi import Performer

class Quick(Performer):
    async def perform(self, payload):
        return payload
"""


async def finished(kiribi: Kiribi, action: Action) -> Action:
    async def look() -> Action | None:
        now = await kiribi.action(action.id)
        return None if now.status is ActionStatus.RUNNING else now

    return await until(look)


def test_it_carries_out_bulk_actions(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            later = await kiribi.enqueue_many([("QUICK", 1, {"first_delay": 3600})] * 1_500)
            async with Worker(kiribi):
                action = await kiribi.start_action("run_now", {"binding": "QUICK"})
                done = await finished(kiribi, action)
                assert (done.done, done.skipped, done.failed) == (len(later), 0, 0)
                # it was rung, too
                assert (await ended(kiribi, later[0])).status is JobStatus.COMPLETED

    asyncio.run(run())


def test_it_lets_go_what_a_killed_settler_left_held(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            first = await kiribi.enqueue("QUICK")
            released = await kiribi.enqueue("QUICK", after=first)
            script = [sys.executable, "-c", SETTLE_AND_DIE, f"sqlite:///{tmp_path}/jobs.db"]
            died = await asyncio.to_thread(subprocess.run, [*script, first.id], timeout=60)
            assert died.returncode == -signal.SIGKILL
            (held,) = await kiribi.store.find([released.id])
            assert held.due_ms == HELD_MS
            async with Worker(kiribi):
                done = await ended(kiribi, released)
                assert (done.status, done.attempts) == (JobStatus.COMPLETED, 1)

    asyncio.run(run())


def test_it_takes_back_what_a_lost_worker_held(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            job = await kiribi.enqueue("QUICK", 7)
            lost = WorkerInfo("lost", pid=os.getpid(), bindings=("QUICK",))
            await kiribi.store.enlist(lost, 1_000)
            assert [one.id for one in await kiribi.store.claim("lost", ["QUICK"], 1)] == [job.id]
            async with Worker(kiribi):
                done = await ended(kiribi, job)
            assert (done.status, done.attempts, done.crashes) == (JobStatus.COMPLETED, 2, 1)
            assert await kiribi.workers() == []

    asyncio.run(run())


def test_after_the_machine_has_slept_its_own_lease_comes_first() -> None:
    async def run() -> None:
        clock = FakeClock()
        async with connected(clock=clock) as kiribi:
            lease = ThreadLease(kiribi.store, this_worker((), 0), lambda: None)
            await lease.start()
            try:
                clock.advance(LEASE_MS / 1000 + 60)
                await lease.catch_up()
                assert (await kiribi.workers())[0].lease_ms < 0, "it was not late"
                lease._renewed -= 60  # the wall clock as it is after a sleep
                await lease.catch_up()
                assert (await kiribi.workers())[0].lease_ms == LEASE_MS
            finally:
                await lease.release()

    asyncio.run(run())
