"""Limits over several processes by the real clock, and one tenant's crowd beside another's few."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from kiribi import Kiribi, Performer, RateLimit
from kiribi.job import Job, JobStatus, new_id
from kiribi.ports import NewJob
from kiribi.runtimes.worker import Worker
from kiribi.search import JobFilter
from kiribi.stores import open_store

PROCESSES = 4
NUMBER = 60
LIMIT, PER, BURST, AT_A_TIME = 40, 1.0, 8, 3

WORK = """
import asyncio, sys
from kiribi import lifecycle
from kiribi.job import JobStatus
from kiribi.ports import WorkerInfo
from kiribi.search import JobFilter
from kiribi.stores import open_store

async def main(url, name, number):
    store, queue = await open_store(url)
    await store.enlist(WorkerInfo(name, bindings=("A",)), 600_000)
    running = JobFilter(bindings=("A",), statuses=(JobStatus.PROCESSING,))
    done = JobFilter(bindings=("A",), statuses=(JobStatus.COMPLETED,))
    while True:
        mark = queue.mark()
        jobs = await store.claim(name, ["A"], 2)
        if jobs:
            print((await store.count(running)).value)
            assert all(await store.apply([lifecycle.complete(job, None) for job in jobs]))
            continue
        if (await store.count(done)).value == number:
            break
        wait = await store.next_due(["A"])
        await queue.wait(mark, 0.5 if wait is None else wait / 1000)
    await queue.close()
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def test_no_window_has_more_starts_than_the_rate_over_processes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"

    async def fill() -> None:
        async with Kiribi.connect(url, performers=()) as kiribi:
            jobs = [NewJob(new_id(), "A", "1") for _ in range(NUMBER)]
            await kiribi.store.insert(jobs)
            await kiribi.limit("A", concurrency=AT_A_TIME, rate_limit=RateLimit(LIMIT, PER, BURST))

    async def starts() -> list[int]:
        store, queue = await open_store(url)
        page = await store.search(JobFilter(), limit=NUMBER)
        await queue.close()
        await store.close()
        assert {job.status for job in page.jobs} == {JobStatus.COMPLETED}
        return sorted(job.started_ms or 0 for job in page.jobs)

    asyncio.run(fill())
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, url, f"w{number}", str(NUMBER)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    assert max(int(line) for told in said for line in told.split()) <= AT_A_TIME
    started = asyncio.run(starts())
    assert len(started) == NUMBER
    for first in started:
        window = [start for start in started if first <= start < first + PER * 1000]
        assert len(window) <= LIMIT + BURST - 1
    # and not needlessly few: what is left after the burst takes its time, no more than twice it
    assert (started[-1] - started[0]) / 1000 < 2 * (NUMBER - BURST) * PER / LIMIT


class Import(Performer):
    concurrency_per_key = 4

    async def perform(self, payload: Any) -> None:
        await asyncio.sleep(0)


def test_a_hundred_thousand_jobs_of_one_do_not_delay_the_ten_of_another(tmp_path: Path) -> None:
    async def run() -> None:
        url = f"sqlite:///{tmp_path}/jobs.db"
        async with Kiribi.connect(url, performers=[Import]) as kiribi:
            hostile = {"concurrency_key": "hostile", "priority": 9}
            await kiribi.enqueue_many((Import, None, hostile) for _ in range(100_000))
            async with Worker(kiribi, concurrency=4):
                await kiribi.result((await kiribi.enqueue(Import, None)).id, 30)  # it is at work
                small = {"concurrency_key": "small"}
                few = await kiribi.enqueue_many([(Import, None, small)] * 10)
                for job in few:
                    await kiribi.result(job.id, 30)
            ended: list[Job] = await kiribi.store.find([job.id for job in few])
            since = min(job.due_ms for job in ended)
            until = max(job.started_ms or 0 for job in ended)
            page = await kiribi.find_many({"status": "COMPLETED"}, limit=1_000)
            assert len([job for job in page.jobs if job.options == small]) == 10
            beside = await started_between(kiribi, since, until)
            # in turn: for each of the ten about one of the crowd, and what ran already
            assert beside <= 40, beside

    asyncio.run(run())


async def started_between(kiribi: Kiribi, since: int, until: int) -> int:
    """Of the crowd, how many started within these milliseconds."""
    number, before = 0, None
    while True:
        page = await kiribi.find_many({"status": "COMPLETED"}, before=before, limit=1_000)
        number += sum(
            since < (job.started_ms or 0) < until and job.priority == 9 for job in page.jobs
        )
        if page.next is None:
            return number
        before = page.next


def test_a_worker_hears_that_a_rate_has_recovered(tmp_path: Path) -> None:
    """Without anybody ringing: the next start is known, to the millisecond."""

    class Paced(Performer):
        rate_limit = RateLimit(5)

        async def perform(self, payload: Any) -> None: ...

    async def run() -> None:
        url = f"sqlite:///{tmp_path}/jobs.db"
        async with Kiribi.connect(url, performers=[Paced]) as kiribi, Worker(kiribi):
            jobs = await kiribi.enqueue_many([(Paced, None)] * 6)
            for job in jobs:
                await kiribi.result(job.id, 30)
            ended = await kiribi.store.find([job.id for job in jobs])
            started = sorted(job.started_ms or 0 for job in ended)
            gaps = [later - earlier for earlier, later in pairwise(started)]
            assert min(gaps) >= 200
            assert sorted(gaps)[2] < 700  # a worker that sleeps a second at a time is later

    asyncio.run(run())
