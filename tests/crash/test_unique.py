"""Unique keys raced by processes, some of them killed: one job a key, and nothing accepted lost."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.crash.world import SECONDS, Crew, ended, looking, until

from kiribi import Job, JobStatus, Kiribi, Unique
from kiribi.job import OPEN, WAITING

APP = """
import asyncio
from pathlib import Path
from kiribi import Performer

class One(Performer):
    retry_delay = 0
    async def perform(self, payload):
        while "until" in payload and not Path(payload["until"]).exists():
            await asyncio.sleep(0.01)
"""
PROCESSES, CALLS, KEYS, KILLED = 6, 120, 25, 3

ENQUEUE = """
import asyncio, json, os, random, sys
from kiribi import Kiribi, Unique

async def main(url, journal, name, calls, keys, binding, payload, conflict):
    rng = random.Random(int(name))
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    async with Kiribi.connect(url, performers=()) as kiribi:
        async def call(number):
            rule = Unique(by=("payload.key",), on_conflict=conflict)
            chosen = rng.sample(range(int(keys)), rng.randint(1, min(4, int(keys))))
            more = {"of": [int(name), number], **json.loads(payload)}
            made = [{"key": key, **more} for key in chosen]
            asked = [
                (binding, one, {"unique": rule, "concurrency_key": str(one["key"])})
                for one in made
            ]
            jobs = await kiribi.enqueue_many(asked)
            told = [(job.id, job.duplicate, one["key"]) for job, one in zip(jobs, made)]
            os.write(out, (json.dumps([int(name), number, told]) + chr(10)).encode())

        for start in range(0, int(calls), 6):
            await asyncio.gather(*map(call, range(start, start + 6)))

asyncio.run(main(*sys.argv[1:]))
"""
"""Calls of several keys, six at a time; what was accepted goes to a journal."""


@contextmanager
def enqueuing(folder: Path, *words: object) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that enqueue; on leaving they have all ended."""
    url, journal = f"sqlite:///{folder}/jobs.db", str(folder / "journal")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ENQUEUE, url, journal, str(name), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in range(PROCESSES)
    ]
    try:
        yield processes
        said = [process.communicate(timeout=SECONDS * 3)[0] for process in processes]
        assert b"".join(said) == b"", b"".join(said).decode()
    finally:
        for process in processes:
            process.kill()
            process.wait()


def accepted(folder: Path) -> list[tuple[int, int, list[tuple[str, bool, int]]]]:
    """What processes were told: who, in which call, and the answers."""
    with suppress(FileNotFoundError):
        lines = (folder / "journal").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]
    return []


async def kill_some(
    folder: Path, processes: list[subprocess.Popen[bytes]], chance: random.Random
) -> None:
    """Kill some of them in the middle of their calls."""

    async def kill(name: int, number: int) -> None:
        async def midway() -> bool | None:
            return sum(one == name for one, *_ in accepted(folder)) >= number or None

        await until(midway)
        processes[name].kill()

    victims = chance.sample(range(PROCESSES), KILLED)
    await asyncio.gather(*(kill(name, chance.randrange(1, CALLS // 3)) for name in victims))


async def everything(kiribi: Kiribi) -> dict[str, Job]:
    jobs: dict[str, Job] = {}
    before: str | None = None
    while True:
        page = await kiribi.find_many(before=before, limit=1_000)
        found = await kiribi.store.find([job.id for job in page.jobs])
        jobs |= {job.id: job for job in found}
        before = page.next
        if before is None:
            return jobs


def crew(folder: Path, **options: Any) -> Crew:
    (folder / "app.py").write_text(APP)
    return Crew(folder, processes=2, **options)


def seeded() -> random.Random:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    return random.Random(seed)


def judged(folder: Path, jobs: dict[str, Job]) -> None:
    """Whatever was accepted is there, under its key, and new only once."""
    answers = [answer for *_, told in accepted(folder) for answer in told]
    assert {id for id, *_ in answers} <= jobs.keys()
    assert all(jobs[id].payload["key"] == key for id, _, key in answers)
    new = [id for id, duplicate, _ in answers if not duplicate]
    assert len(new) == len(set(new))


def by_key(jobs: dict[str, Job]) -> dict[int, list[Job]]:
    found: defaultdict[int, list[Job]] = defaultdict(list)
    for job in jobs.values():
        found[job.payload["key"]].append(job)
    return found


def test_one_job_a_key_though_enqueuers_are_killed(tmp_path: Path) -> None:
    chance = seeded()

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with enqueuing(tmp_path, CALLS, KEYS, "LATER", "{}", "return") as processes:
                await kill_some(tmp_path, processes, chance)
            codes = [process.returncode for process in processes]
            assert set(codes) == {-signal.SIGKILL, 0}
            jobs = await everything(kiribi)
            judged(tmp_path, jobs)
            assert {key: len(of) for key, of in by_key(jobs).items()} == dict.fromkeys(
                range(KEYS), 1
            )
            pulse = await kiribi.pulse()
            assert [sum(one.by_status.values()) for one in pulse.bindings] == [KEYS]

    asyncio.run(run())


def test_one_open_job_a_key_while_workers_run_them_and_die(tmp_path: Path) -> None:
    chance = seeded()

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with crew(tmp_path, concurrency=10) as working:
                await working.heard("working: ")  # who dies before is not replaced
                with enqueuing(tmp_path, CALLS, KEYS, "ONE", "{}", "return") as processes:
                    await kill_some(tmp_path, processes, chance)
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(working.children()), signal.SIGKILL)
                for job in (await everything(kiribi)).values():
                    await ended(kiribi, job)
            jobs = await everything(kiribi)
            judged(tmp_path, jobs)
            assert {job.status for job in jobs.values()} == {JobStatus.COMPLETED}
            for of in by_key(jobs).values():
                runs = sorted((job.history[0].started_ms, job.finished_ms) for job in of)
                for (_, end), (start, _) in pairwise(runs):
                    assert start >= (end or 0), "two of a key were open at the same time"

    asyncio.run(run())


def test_latest_wins_and_one_waits_while_one_runs(tmp_path: Path) -> None:
    chance = seeded()
    keys = 3

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            go = tmp_path / "go"
            with crew(tmp_path):
                hold: dict[str, Any] = {"until": str(go)}
                latest = Unique(by=("payload.key",), on_conflict="replace")
                first = [
                    await kiribi.enqueue(
                        "ONE", {"key": key, **hold}, unique=latest, concurrency_key=str(key)
                    )
                    for key in range(keys)
                ]

                async def running() -> bool | None:
                    found = await kiribi.store.find([job.id for job in first])
                    return all(job.status is JobStatus.PROCESSING for job in found) or None

                await until(running)
                with enqueuing(
                    tmp_path, CALLS, keys, "ONE", json.dumps(hold), "replace"
                ) as processes:
                    await kill_some(tmp_path, processes, chance)
                jobs = await everything(kiribi)
                judged(tmp_path, jobs)
                waiting = [job for job in jobs.values() if job.status in WAITING]
                assert sorted(job.payload["key"] for job in waiting) == list(range(keys))
                assert len(jobs) == 2 * keys
                for job in waiting:
                    name, number = job.payload["of"]
                    killed = processes[name].returncode != 0
                    later = [
                        call
                        for one, call, told in accepted(tmp_path)
                        if one == name and any(key == job.payload["key"] for *_, key in told)
                    ]
                    # six calls of a process are under way together
                    assert killed or number // 6 == max(later) // 6
                go.touch()
                for job in waiting:
                    assert (await ended(kiribi, job)).status is JobStatus.COMPLETED
            assert not [job for job in (await everything(kiribi)).values() if job.status in OPEN]

    asyncio.run(run())
