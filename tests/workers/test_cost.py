"""What D1 and the queue bill for a job: from D1's own `meta`, and by counting messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Generator
from contextlib import closing
from typing import Any, TypeVar

import pytest
from tests.workers.d1 import HttpDatabase, d1_worker, databases
from tests.workers.require import require

from kiribi import Kiribi, Performer, lifecycle, new_id
from kiribi.job import OPEN, Job, JobError
from kiribi.ports import NewJob, WorkerInfo
from kiribi.queues.cloudflare import CloudflareQueue
from kiribi.stores.d1 import D1Store
from kiribi.unique import UniqueKey

NUMBER = 100
READ = 6
"""Rows read for a successful job, at most."""
FIXED = 80
"""Rows read for a batch, at most, whatever its number of jobs."""
PULSE = 500
"""Rows read for the dashboard's pulse, at most."""
TRIPS = 0.05
FREE_STATEMENTS = 50
"""D1 statements of one invocation on the Free plan."""
HISTORY = 100_000
T = TypeVar("T")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Generator[Generator[HttpDatabase]]:
    require()
    with (
        d1_worker(tmp_path_factory.mktemp("d1")) as running,
        closing(databases(running)) as several,
    ):
        yield several


class Add(Performer):
    async def perform(self, payload: int) -> int:
        return payload + 1


class Meter:
    """A store on a fresh database whose bindings, minute and failures are known.

    Its clock stands still: a new minute is another row.
    """

    def __init__(self, database: HttpDatabase) -> None:
        self.database = database
        at = time.time_ns() // 1_000_000
        self.store = D1Store(database, clock=lambda: at)
        self.total = [0, 0, 0, 0]

    async def warm(self, bindings: tuple[str, ...]) -> None:
        await self.database.fresh()
        await self.store.insert([NewJob(new_id(), binding, "1") for binding in bindings])
        jobs = await self.store.visit(WorkerInfo("warm", bindings=bindings), 60_000, 9)
        await self.store.apply([failed(jobs[0]), *map(completed, jobs[1:])])
        await self.store.leave("warm", bindings)

    async def __call__(self, call: Awaitable[T]) -> tuple[T, tuple[int, int]]:
        """What it answered; rows written and read."""
        self.database.metas.clear()
        self.database.trips = 0
        answer = await call
        metas = self.database.metas
        written = sum(meta["rows_written"] for meta in metas)
        read = sum(meta["rows_read"] for meta in metas)
        for at, number in enumerate((written, read, self.database.trips, len(metas))):
            self.total[at] += number
        return answer, (written, read)


def completed(job: Job) -> lifecycle.Change:
    return lifecycle.complete(job, {"n": 1})


def failed(job: Job) -> lifecycle.Change:
    return lifecycle.fail(job, JobError("ValueError", "boom"), max_attempts=1, delay=60)


def retried(job: Job) -> lifecycle.Change:
    return lifecycle.fail(job, JobError("ValueError", "boom"), max_attempts=9, delay=60)


def new(bindings: tuple[str, ...], number: int = NUMBER) -> list[NewJob]:
    return [NewJob(new_id(), bindings[i % len(bindings)], "1") for i in range(number)]


def per_job(read: int, number: int = NUMBER) -> int:
    """Rows read for each job of a batch, apart from what the batch itself reads."""
    jobs, batch = divmod(read, number)
    assert batch < FIXED, read
    return jobs


@pytest.mark.parametrize("bindings", [("A",), ("A", "B")], ids=["one binding", "two"])
def test_a_whole_batch(several: Generator[HttpDatabase], bindings: tuple[str, ...]) -> None:
    """A hundred jobs from `enqueue` to their end, as the Workers runtime has them stored."""

    async def run() -> None:
        meter = Meter(next(several))
        await meter.warm(bindings)
        store = meter.store
        _, enqueue = await meter(store.insert(new(bindings)))
        jobs, claim = await meter(store.visit(WorkerInfo("w", bindings=bindings), 60_000, NUMBER))
        took, success = await meter(store.apply(list(map(completed, jobs))))
        due, end = await meter(store.leave("w", bindings))
        assert (len(jobs), all(took), due, await store.workers()) == (NUMBER, True, None, [])
        stat = len(bindings)
        assert [written for written, _ in (enqueue, claim, success, end)] == [
            2 * NUMBER + stat,
            NUMBER + stat + 2,  # the lease, and what is claimed under it
            NUMBER + stat,
            2,
        ]
        assert [per_job(read) for _, read in (enqueue, claim, success, end)] == [0, 3, 2, 0]
        _, read, trips, statements = meter.total
        assert read / NUMBER <= READ
        assert trips / NUMBER <= TRIPS
        assert statements <= FREE_STATEMENTS

    asyncio.run(run())


@pytest.mark.parametrize("number", [1, 2, 5])
def test_rows_read_of_a_batch(several: Generator[HttpDatabase], number: int) -> None:
    """Five for each job, some for each binding; whatever the minute's statistics have by then."""

    async def run() -> None:
        bindings = tuple("ABCDE"[:number])
        meter = Meter(next(several))
        await meter.warm(bindings)
        store = meter.store
        totals: list[int] = []
        for worker in ("first", "second"):
            meter.total[1] = 0
            await meter(store.insert(new(bindings)))
            visit = store.visit(WorkerInfo(worker, bindings=bindings), 60_000, NUMBER)
            jobs, _ = await meter(visit)
            await meter(store.apply(list(map(completed, jobs))))
            await meter(store.leave(worker, bindings))
            totals.append(meter.total[1])
        batch, binding = 34 if number == 1 else 39, 30
        assert totals == [5 * NUMBER + batch + binding * number] * 2

    asyncio.run(run())


@pytest.mark.parametrize("number", [2, 5])
def test_rows_read_of_a_backlog(several: Generator[HttpDatabase], number: int) -> None:
    """Where more are due than fit, the best of each binding are compared."""

    async def run() -> None:
        bindings = tuple("ABCDE"[:number])
        meter = Meter(next(several))
        await meter.warm(bindings)
        store = meter.store
        await store.insert(new(bindings, 2 * NUMBER * number))
        await store.enlist(WorkerInfo("w", bindings=bindings), 60_000)
        jobs, (_, read) = await meter(store.claim("w", bindings, NUMBER))
        assert (len(jobs), per_job(read)) == (NUMBER, 2 + 5 * number)

    asyncio.run(run())


READ_BY = {
    "enqueue": 0,
    "cancel": 2,
    "claim": 3,
    "success": 2,
    "retry": 5,
    "failure": 5,
    "running cancel": 2,
    "late": 2,
    "nothing due": 1,  # it reads past what runs
}
"""Rows read for each job of a batch."""


@pytest.mark.parametrize("bindings", [("A",), ("A", "B")], ids=["one binding", "two"])
def test_every_path(several: Generator[HttpDatabase], bindings: tuple[str, ...]) -> None:
    async def run() -> None:
        meter = Meter(next(several))
        await meter.warm(bindings)
        store = meter.store
        figures: dict[str, tuple[int, int]] = {}

        async def cost(name: str, call: Awaitable[T]) -> T:
            answer, (written, read) = await meter(call)
            figures[name] = written, per_job(read)
            return answer

        await store.enlist(WorkerInfo("w", bindings=bindings), 60_000)
        waiting = await cost("enqueue", store.insert(new(bindings)))
        await cost("cancel", store.apply([lifecycle.cancel(job) for job in waiting]))
        for name, change in (("success", completed), ("retry", retried), ("failure", failed)):
            await store.insert(new(bindings))
            jobs = await cost("claim", store.claim("w", bindings, NUMBER))
            took = await cost(name, store.apply(list(map(change, jobs))))
            assert took == [True] * NUMBER
        await store.insert(new(bindings))
        jobs = await store.claim("w", bindings, NUMBER)
        await cost("running cancel", store.apply([lifecycle.cancel(job) for job in jobs]))
        await cost("late", store.apply([completed(job) for job in waiting]))
        await cost("nothing due", store.claim("w", bindings, NUMBER))
        stat = len(bindings)  # a row for each
        groups = 2 * stat  # a row and its index entry for each cause, which is one a binding
        written = {
            "enqueue": 2 * NUMBER + stat,
            "cancel": 2 * NUMBER + stat,
            "claim": NUMBER + stat + 1,
            "success": NUMBER + stat,
            "retry": 2 * NUMBER + stat + groups,
            "failure": 2 * NUMBER + stat + groups,
            "running cancel": 2 * NUMBER + stat,
            "late": 0,
            "nothing due": 0,
        }
        assert figures == {name: (rows, READ_BY[name]) for name, rows in written.items()}

    asyncio.run(run())


def unique(number: int = NUMBER) -> list[NewJob]:
    return [
        job._replace(unique=UniqueKey(f"k{i}", tuple(sorted(OPEN))))
        for i, job in enumerate(new(("A",), number))
    ]


def test_unique_jobs(several: Generator[HttpDatabase]) -> None:
    """An index entry more for each, and nothing for a duplicate."""

    async def run() -> None:
        meter = Meter(next(several))
        await meter.warm(("A",))
        store = meter.store
        await store.enlist(WorkerInfo("w", bindings=("A",)), 60_000)
        _, enqueue = await meter(store.insert(unique()))
        _, duplicates = await meter(store.insert(unique()))
        jobs, claim = await meter(store.claim("w", ["A"], NUMBER))
        _, success = await meter(store.apply(list(map(completed, jobs))))
        _, again = await meter(store.insert(unique()))
        paths = (enqueue, duplicates, claim, success, again)
        assert [written for written, _ in paths] == [
            3 * NUMBER + 1,
            0,
            NUMBER + 1 + 1,
            NUMBER + 1,
            4 * NUMBER + 1,  # who held a key until it ended is told now, by who gets it
        ]
        assert [per_job(read) for _, read in paths] == [10, 18, 3, 2, 18]
        _, alone = await meter(store.insert(unique(NUMBER + 1)[-1:]))
        _, duplicate = await meter(store.insert(unique(1)))
        assert (alone[0], duplicate[0]) == (3 + 1, 0)

    asyncio.run(run())


def test_looking_and_ticking_read_no_history(several: Generator[HttpDatabase]) -> None:
    """A tick that finds nothing to do, and the pulse, beside a hundred thousand jobs."""

    async def run() -> None:
        meter = Meter(next(several))
        await meter.warm(("A", "B"))
        kiribi = Kiribi(None, {})
        sent: list[Any] = []

        async def send(messages: list[Any]) -> None:
            sent.extend(messages)

        kiribi.bind(meter.store, CloudflareQueue(send), [])

        async def costs() -> list[tuple[int, int]]:
            await kiribi.tick()
            _, tick = await meter(kiribi.tick())
            _, pulse = await meter(meter.store.pulse())
            return [tick, pulse]

        before = await costs()
        await meter.database.batch([(FILL, (HISTORY,))])
        after = await costs()
        assert [written for written, _ in before + after] == [0] * 4
        assert after[0] == before[0]
        assert after[1][1] <= PULSE

    asyncio.run(run())


def test_queue_operations() -> None:
    """A message is written, read and deleted: three operations."""

    async def run() -> None:
        sent: list[Any] = []

        async def send(messages: list[Any]) -> None:
            sent.extend(messages)

        async with Kiribi.connect("sqlite://") as kiribi:
            queue = CloudflareQueue(send)
            kiribi.bind(kiribi.store, queue, [Add])
            await kiribi.enqueue_many([("ADD", i) for i in range(NUMBER)])
            await queue.flush()
            assert 3 * len(sent) / NUMBER <= 0.3
            sent.clear()
            for i in range(NUMBER):
                await kiribi.enqueue("ADD", i)
                await queue.flush()
            assert 3 * len(sent) / NUMBER == 3

    asyncio.run(run())


FILL = """WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1),
aged AS (
  SELECT i, printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER) - i * 100) AS ms FROM n
)
INSERT INTO job (id, binding, status, open, rank, due, priority, updated_ms, payload)
SELECT substr(ms, 1, 8) || '-' || substr(ms, 9) || printf('-7000-8000-%012x', i),
  iif(i % 2, 'A', 'B'), iif(i % 4, 'COMPLETED', 'PENDING'), iif(i % 4, NULL, 1), i, i, 0, 1, '1'
FROM aged"""
"""Three in four have ended, within the last three hours; the others are due."""
