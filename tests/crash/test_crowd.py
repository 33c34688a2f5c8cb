"""Many clients at one database, some killed in the middle: never more than allowed."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from tests.crash.test_unique import by_key, everything, seeded
from tests.crash.world import SECONDS, database_of, looking, until

from kiribi import Job, JobStatus, Kiribi, lifecycle
from kiribi.job import FINAL, Outcome
from kiribi.ports import WorkerInfo

WAVE = 20
AT_A_TIME, KEYS, LANES = 4, 12, 5
"""How many jobs may run; unique keys; concurrency keys, of each of which one job may run."""
CLIENT = """
import asyncio, random, sys
from contextlib import suppress
from pathlib import Path
from kiribi import Kiribi, StoreUnavailable, Unique, lifecycle
from kiribi.ports import WorkerInfo

async def sure(call):
    # where so many write to one file, some are told that it was busy for too long
    while True:
        with suppress(StoreUnavailable):
            return await call()

async def main(url, folder, name):
    rng = random.Random(name)
    async with Kiribi.connect(url, performers=()) as kiribi:
        store = kiribi.store
        enlist = lambda: store.enlist(WorkerInfo(name, bindings=("A",)), LEASE_MS)
        await sure(enlist)
        (Path(folder) / "up" / name).touch()
        while not (Path(folder) / "stop").exists():
            key = rng.randrange(KEYS)
            unique, lane = Unique(key=str(key)), str(key % LANES)
            await sure(
                lambda: kiribi.enqueue("A", {"key": key}, unique=unique, concurrency_key=lane)
            )
            if not await sure(lambda: store.renew([name], LEASE_MS)):
                name += "-"
                await sure(enlist)
            jobs = await sure(lambda: store.claim(name, ["A"], rng.randint(1, 3)))
            await asyncio.sleep(rng.random() * 0.01)
            await sure(lambda: store.apply([lifecycle.complete(job, name) for job in jobs]))
            if rng.random() < 0.1:
                await sure(kiribi.tick)
            await asyncio.sleep(rng.random() * PAUSE)

asyncio.run(main(*sys.argv[1:]))
"""
CONSTANTS = f"KEYS, LANES = {KEYS}, {LANES}\nLEASE_MS, PAUSE = {{}}, {{}}\n"


class Crowd:
    """Processes that enqueue, claim and settle, until they are told to stop or killed."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        # a machine has few cores: the more there are, the more each of them waits
        self._client = CONSTANTS.format(3_000 + 60 * size, size / 20 - 0.8) + CLIENT
        self._living: dict[str, subprocess.Popen[bytes]] = {}
        self._started = 0
        (folder / "up").mkdir()

    async def start(self, number: int) -> None:
        """A few at a time: they are slow to start."""
        until_then = self._started + number
        while self._started < until_then:
            for _ in range(min(WAVE, until_then - self._started)):
                self._start(f"c{self._started}")
                self._started += 1
            await until(self._all_up)

    def _start(self, name: str) -> None:
        words = (database_of(self._folder), str(self._folder), name)
        with (self._folder / "said").open("ab") as said:
            self._living[name] = subprocess.Popen(
                [sys.executable, "-c", self._client, *words], stdout=said, stderr=said
            )

    async def _all_up(self) -> bool:
        return len(list((self._folder / "up").iterdir())) == self._started

    def kill(self, chance: random.Random) -> None:
        victim = self._living.pop(chance.choice(list(self._living)))
        victim.kill()
        victim.wait()

    def stop(self) -> None:
        """They end what they are at."""
        (self._folder / "stop").touch()
        codes = {process.wait(SECONDS * 3) for process in self._living.values()}
        assert (codes, (self._folder / "said").read_text()) == ({0}, "")

    def close(self) -> None:
        for process in self._living.values():
            process.kill()
            process.wait()


@contextmanager
def crowd(folder: Path, size: int) -> Iterator[Crowd]:
    crowd = Crowd(folder, size)
    try:
        yield crowd
    finally:
        crowd.close()


async def completed(kiribi: Kiribi) -> int:
    counted = (await kiribi.pulse()).bindings
    return sum(one.by_status.get(JobStatus.COMPLETED, 0) for one in counted)


async def more_completed(kiribi: Kiribi) -> None:
    enough = await completed(kiribi) + 5

    async def look() -> bool:
        return await completed(kiribi) >= enough

    await until(look)


async def worked_off(kiribi: Kiribi) -> dict[str, Job]:
    """All jobs, once the last of the dead has been found and everything has ended."""
    await kiribi.store.enlist(WorkerInfo("last", bindings=("A",)), 600_000)

    async def look() -> dict[str, Job] | None:
        await kiribi.tick()
        jobs = await kiribi.store.claim("last", ["A"], 9)
        await kiribi.store.apply([lifecycle.complete(job, "last") for job in jobs])
        every = await everything(kiribi)
        return every if all(job.status in FINAL for job in every.values()) else None

    return await until(look)


def judged(jobs: dict[str, Job]) -> None:
    """By the records: one outcome an attempt, no more ran than may, no two of a key were open."""
    for job in jobs.values():
        assert [attempt.number for attempt in job.history] == [*range(1, job.attempts + 1)]
        outcomes = [attempt.outcome for attempt in job.history]
        assert outcomes.count(Outcome.COMPLETED) == 1
        assert outcomes[-1] is Outcome.COMPLETED
    of_lanes: dict[int, list[tuple[int, int]]] = {}
    for job in jobs.values():
        of_lanes.setdefault(job.payload["key"] % LANES, []).extend(
            (attempt.started_ms, attempt.finished_ms) for attempt in job.history
        )
    assert 1 < most([run for lane in of_lanes.values() for run in lane]) <= AT_A_TIME
    assert {most(runs) for runs in of_lanes.values()} == {1}
    for of in by_key(jobs).values():
        runs = sorted((job.history[0].started_ms, job.finished_ms) for job in of)
        for (_, end), (start, _) in pairwise(runs):
            assert start >= (end or 0), "two of a key were open at the same time"


def most(runs: list[tuple[int, int]]) -> int:
    """How many ran at the same time; who ended in a millisecond made room for who began in it."""
    changes = [(end, -1) for _, end in runs] + [(start, 1) for start, _ in runs]
    running = highest = 0
    for _, change in sorted(changes):
        running += change
        highest = max(highest, running)
    return highest


@pytest.mark.timeout(900)
@pytest.mark.parametrize("clients", [16, pytest.param(200, marks=pytest.mark.long)])
def test_limits_and_keys_hold(tmp_path: Path, clients: int) -> None:
    chance = seeded()

    async def run() -> dict[str, Job]:
        async with looking(tmp_path) as kiribi:
            await kiribi.store.limit("A", {"concurrency": AT_A_TIME, "concurrency_per_key": 1})
            with crowd(tmp_path, clients) as processes:
                await processes.start(clients)
                for _ in range(clients // 4):
                    await more_completed(kiribi)
                    processes.kill(chance)
                    await processes.start(1)
                processes.stop()
            return await worked_off(kiribi)

    jobs = asyncio.run(run())
    print(
        len(jobs),
        "jobs",
        Counter(attempt.outcome for job in jobs.values() for attempt in job.history),
    )
    judged(jobs)
