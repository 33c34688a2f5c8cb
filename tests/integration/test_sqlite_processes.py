"""Two processes enqueueing and four working on one file: nobody ever sees it locked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from kiribi.job import Job, JobStatus
from kiribi.search import JobFilter
from kiribi.stores import open_store

ENQUEUE = """
import asyncio, sys
from kiribi.job import new_id
from kiribi.ports import NewJob
from kiribi.stores import open_store

async def main(url, name, number):
    store, queue = await open_store(url)
    sent = 0
    while sent < number:
        several = min(1 + sent % 7, number - sent)
        jobs = [NewJob(new_id(), "AB"[i % 2], '{"from": "%s"}' % name) for i in range(several)]
        await store.insert(jobs)
        queue.ring()
        sent += several
    await queue.close()
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""

WORK = """
import asyncio, sys
from kiribi import lifecycle
from kiribi.job import JobStatus
from kiribi.ports import WorkerInfo
from kiribi.stores import open_store

BINDINGS = ("A", "B")

async def main(url, name, number):
    store, queue = await open_store(url)
    await store.enlist(WorkerInfo(name, bindings=BINDINGS), 600_000)
    while True:
        mark = queue.mark()
        jobs = await store.claim(name, BINDINGS, 5)
        if jobs:
            took = await store.apply([lifecycle.complete(job, name) for job in jobs])
            assert all(took), took
            queue.ring()
            continue
        pulse = await store.pulse()
        done = sum(one.by_status[JobStatus.COMPLETED] for one in pulse.bindings)
        if done == number:
            break
        await queue.wait(mark, 1.0)
    await queue.close()
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def all_run(path: Path, each: int) -> None:
    url = f"sqlite:///{path}/jobs.db"
    number = 2 * each
    commands = [[ENQUEUE, url, f"e{i}", str(each)] for i in range(2)]
    commands += [[WORK, url, f"w{i}", str(number)] for i in range(4)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for command in commands
    ]
    try:
        said = [process.communicate(timeout=900)[0].decode() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert said == [""] * 6
    assert [process.returncode for process in processes] == [0] * 6
    jobs = asyncio.run(everything(url))
    assert Counter(job.payload["from"] for job in jobs) == {"e0": each, "e1": each}
    assert {(job.status, job.attempts) for job in jobs} == {(JobStatus.COMPLETED, 1)}


async def everything(url: str) -> list[Job]:
    store, queue = await open_store(url)
    jobs: list[Job] = []
    before: str | None = None
    while True:
        page = await store.search(JobFilter(), before=before, limit=1_000)
        jobs += page.jobs
        before = page.next
        if before is None:
            break
    pulse = await store.pulse()
    counted = Counter[str]()
    for one in pulse.bindings:
        counted[one.binding] += one.by_status[JobStatus.COMPLETED]
    assert counted == Counter(job.binding for job in jobs)
    await queue.close()
    await store.close()
    return jobs


def test_six_processes_share_a_file(tmp_path: Path) -> None:
    all_run(tmp_path, 1_500)


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_six_processes_share_a_file_for_minutes(tmp_path: Path) -> None:
    all_run(tmp_path, 100_000)
