"""Whoever settles a predecessor dies before its successor is let go: a tick lets it go, once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.crash.world import SECONDS, Crew, ended, looking, ran, until

from kiribi import JobStatus
from kiribi.job import HELD_MS

BATCHES, SIDE_BY_SIDE = 60, 10
KILLS = 2
"""One less than what makes a job FAILED."""

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


def test_batches_settled_by_many_processes_some_of_them_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            batches = [
                await kiribi.enqueue_batch([("QUICK", 0.03)] * SIDE_BY_SIDE, ("QUICK", 0))
                for _ in range(BATCHES)
            ]
            with Crew(tmp_path, processes=2, concurrency=20):
                for number in sorted(chance.sample(range(20, BATCHES * SIDE_BY_SIDE), KILLS)):

                    async def begun(number: int = number) -> int | None:
                        pids = [pid for *_, pid in ran(tmp_path)]
                        return pids[-1] if len(pids) >= number else None

                    with suppress(ProcessLookupError):
                        os.kill(await until(begun), signal.SIGKILL)
                callbacks = [await ended(kiribi, batch.callback) for batch in batches]
            for batch, callback in zip(batches, callbacks, strict=True):
                counts = (await kiribi.batch(batch.id)).counts
                members = await kiribi.store.find(list(callback.options["after"]))
                last = max(member.finished_ms or 0 for member in members)
                assert counts == {"COMPLETED": SIDE_BY_SIDE}
                assert callback.status is JobStatus.COMPLETED
                assert callback.attempts == callback.crashes + 1
                assert callback.history[0].started_ms >= last
            starts = Counter(id for _, id, _, _ in ran(tmp_path))
            assert all(starts[callback.id] == callback.attempts for callback in callbacks)

    asyncio.run(run())
