"""Whoever settles a predecessor dies before its successor is let go: a tick lets it go, once."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from tests.crash.world import SECONDS, Crew, ended, looking

from kiribi import JobStatus
from kiribi.job import HELD_MS

SETTLE_AND_DIE = """
import asyncio, os, signal, sys
from kiribi import Kiribi, lifecycle
from kiribi.job import JobError
from kiribi.ports import WorkerInfo
from kiribi.stores._successors import Successors

async def die(self, ended):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(url, *ids):
    async with Kiribi.connect(url, performers=()) as kiribi:
        await kiribi.store.enlist(WorkerInfo("doomed", bindings=("QUICK",)), 600_000)
        jobs = await kiribi.store.claim("doomed", ["QUICK"], 9, ids=ids)
        boom = JobError("ValueError", "boom")
        changes = [lifecycle.complete(jobs[0], "done")]
        changes += [lifecycle.fail(job, boom, max_attempts=1, delay=0) for job in jobs[1:]]
        Successors.ended = die
        await kiribi.store.apply(changes)

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_settler_killed_before_what_follows_loses_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            first, second = await kiribi.enqueue_many([("QUICK", 0), ("QUICK", 0)])
            released = await kiribi.enqueue("QUICK", 0, after=first)
            cancelled = await kiribi.enqueue("QUICK", 0, after=[first, second])
            last = await kiribi.enqueue("QUICK", 0, after=cancelled, after_failed="run")
            url = f"sqlite:///{tmp_path}/jobs.db"
            words = ["-c", SETTLE_AND_DIE, url, first.id, second.id]
            died = await asyncio.create_subprocess_exec(sys.executable, *words)
            assert await asyncio.wait_for(died.wait(), SECONDS) == -signal.SIGKILL
            jobs = await kiribi.store.find([job.id for job in (first, second, released, cancelled)])
            assert [job.status for job in jobs[:2]] == [JobStatus.COMPLETED, JobStatus.FAILED]
            assert [job.due_ms for job in jobs[2:]] == [HELD_MS] * 2
            with Crew(tmp_path):
                done = await ended(kiribi, released)
                assert (done.status, done.attempts) == (JobStatus.COMPLETED, 1)
                assert (await ended(kiribi, cancelled)).status is JobStatus.CANCELLED
                done = await ended(kiribi, last)
                assert (done.status, done.attempts) == (JobStatus.COMPLETED, 1)

    asyncio.run(run())
