"""Everything is killed again and again, under load; then every accepted job is accounted for."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.crash.world import BEAT, LEASE_MS, Crew, database_of, looking, ran, until

from kiribi import Job, JobStatus, Kiribi, Outcome
from kiribi.lifecycle import MAX_CRASHES

ENQUEUE = """
import asyncio, os, random, sys
from kiribi import Kiribi

async def main(url, accepted):
    fd = os.open(accepted, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    kinds = [("QUICK", 0), ("QUICK", 0.05), ("IN_THREAD", 0.01), ("IN_PROCESS", 0)]
    async with Kiribi.connect(url, performers=()) as kiribi:
        while True:
            jobs = await kiribi.enqueue_many(random.choices(kinds, k=random.randint(1, 20)))
            os.write(fd, "".join(f"{job.id}\\n" for job in jobs).encode())
            await asyncio.sleep(0.03)

asyncio.run(main(*sys.argv[1:]))
"""


class Enqueuer:
    """A process that enqueues until it is killed, and notes down what was accepted."""

    def __init__(self, folder: Path) -> None:
        url, accepted = database_of(folder), str(folder / "accepted")
        self.process = subprocess.Popen([sys.executable, "-c", ENQUEUE, url, accepted])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Chaos:
    """Two supervisors of two children each, two enqueuers, and their murderer."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self.killed: Counter[str] = Counter()

    async def rage(self, seconds: float) -> None:
        self._crews = [self._crew() for _ in range(2)]
        self._enqueuers = [Enqueuer(self._folder) for _ in range(2)]
        acts: list[Callable[[], None]] = [self._child, self._child, self._supervisor, self._both]
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                # Kill at any point of whatever they do just now.
                await asyncio.sleep(self._random.uniform(0, 0.6))
                self._random.choice([*acts, self._enqueuer])()
        finally:
            for one in (*self._enqueuers, *self._crews):
                one.kill()

    def _crew(self) -> Crew:
        return Crew(self._folder, processes=2, lease_ms=LEASE_MS, beat=BEAT, concurrency=20)

    def _child(self) -> None:
        for child in self._random.choice(self._crews).children()[:1]:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
                self.killed["child"] += 1

    def _supervisor(self) -> None:
        place = self._random.randrange(2)
        self._crews[place].kill()
        self._crews[place] = self._crew()
        self.killed["supervisor"] += 1

    def _both(self) -> None:
        self._child()
        self._supervisor()

    def _enqueuer(self) -> None:
        place = self._random.randrange(2)
        self._enqueuers[place].kill()
        self._enqueuers[place] = Enqueuer(self._folder)
        self.killed["enqueuer"] += 1


async def account(kiribi: Kiribi, folder: Path) -> None:
    """Every accepted job has ended, as the rules say, and no attempt was made or ended twice."""
    accepted = (folder / "accepted").read_text().split()
    assert len(set(accepted)) == len(accepted) > 100

    async def settled() -> bool:
        counts = await asyncio.gather(
            *(kiribi.count({"status": one}) for one in JobStatus if not one.is_final)
        )
        return not any(count.value for count in counts)

    await until(settled)
    jobs: list[Job] = []
    for start in range(0, len(accepted), 1_000):
        jobs += await kiribi.store.find(accepted[start : start + 1_000])
    assert [job.id for job in jobs] == accepted
    for job in jobs:
        numbers = [attempt.number for attempt in job.history]
        outcomes = Counter(attempt.outcome for attempt in job.history)
        assert numbers == list(range(1, job.attempts + 1)), job
        # A supervisor whose children are killed as they start gives up, and hands back.
        del outcomes[Outcome.RELEASED]
        if job.status is JobStatus.COMPLETED:
            assert outcomes.pop(Outcome.COMPLETED) == 1, job
            assert job.crashes < MAX_CRASHES, job
        else:
            assert (job.status, job.crashes) == (JobStatus.FAILED, MAX_CRASHES), job
        assert outcomes == ({Outcome.CRASHED: job.crashes} if job.crashes else {}), job
    print(f"{len(jobs)} jobs,", Counter((job.status.value, job.crashes) for job in jobs))
    attempts = Counter((id, attempt) for _, id, attempt, _ in ran(folder))
    assert max(attempts.values()) == 1
    made = {(job.id, job.attempts) for job in jobs if job.status is JobStatus.COMPLETED}
    assert made <= attempts.keys()


@pytest.mark.parametrize("seconds", [10, pytest.param(300, marks=pytest.mark.long)])
def test_every_accepted_job_is_accounted_for(tmp_path: Path, seconds: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chaos = Chaos(tmp_path, seed)

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            await chaos.rage(seconds)
            with Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT):
                await account(kiribi, tmp_path)

    asyncio.run(run())
    assert chaos.killed.keys() == {"child", "supervisor", "enqueuer"}
