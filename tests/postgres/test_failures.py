"""What connections and servers do wrong: calls are carried out once, or say that they were not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
import pytest
from tests.postgres.proxy import Proxy
from tests.postgres.server import Server

from kiribi import JobStatus, Kiribi, Outcome, Performer, lifecycle
from kiribi.job import Job, new_id
from kiribi.ports import NewJob, Store, WorkerInfo
from kiribi.queues import _line
from kiribi.runtimes.worker import Worker
from kiribi.stores import _asyncpg, _postgres_tries, open_store

SECONDS = 60.0
LEASE = 600_000
ANSWERS = (b"BEGIN", b"SELECT", b"INSERT", b"UPDATE", b"DELETE", b"COMMIT", b"T\0")
"""What answers have within: the last is of a statement that is prepared."""
NUMBERS = count()
Call = Callable[[Store, int], Awaitable[None]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ours to kill: what it has committed it keeps, as long as the machine lives."""
    with Server(tmp_path_factory.mktemp("server"), "fsync=off", "full_page_writes=off") as server:
        yield server


@pytest.fixture
def url(server: Server, runner: asyncio.Runner) -> str:
    """Of a new database."""
    name = f"failures_{next(NUMBERS)}"
    runner.run(say(server.url, f"CREATE DATABASE {name}"))
    return server.url.removesuffix("postgres") + name


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives up soon."""
    monkeypatch.setattr(_postgres_tries, "TRYING_SECONDS", 0.3)


async def say(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Store]:
    store, queue = await open_store(url)
    try:
        async with asyncio.timeout(SECONDS):
            yield store
    finally:
        await queue.close()
        await store.close()


def new(binding: str = "A", payload: str = "1") -> NewJob:
    return NewJob(new_id(), binding, payload)


async def claimed(store: Store, number: int = 1) -> list[Job]:
    """So many new jobs, in the hands of a worker."""
    await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
    return await store.claim("w", ["A"], number, ids=[job.id for job in await put(store, number)])


async def put(store: Store, number: int = 1) -> list[Job]:
    return await store.insert([new() for _ in range(number)])


async def inserts(store: Store, number: int) -> None:
    jobs = [new() for _ in range(number)]
    stored = await store.insert(jobs)
    assert [job.id for job in stored] == [job.id for job in jobs]
    assert not any(job.duplicate for job in stored)


async def claims(store: Store, number: int) -> None:
    jobs = await claimed(store, number)
    assert len(jobs) == number
    held = await store.held_by("w")
    assert {job.id for job in jobs} <= {job.id for job in held}
    assert {job.attempts for job in held} == {1}


async def settles(store: Store, number: int) -> None:
    changes = [lifecycle.complete(job, "done") for job in await claimed(store, number)]
    assert await store.apply(changes) == [True] * number
    for job in await store.find([change.id for change in changes]):
        assert [attempt.outcome for attempt in job.history] == [Outcome.COMPLETED]


async def reopens(store: Store, number: int) -> None:
    jobs = await claimed(store, number)
    await store.apply([lifecycle.complete(job, "done") for job in jobs])
    changes = [lifecycle.retry(job) for job in await store.find([job.id for job in jobs])]
    assert await store.apply(changes) == [True] * number
    for job in await store.find([job.id for job in jobs]):
        assert (job.status, job.attempts) == (JobStatus.PENDING, 1)


async def deletes(store: Store, number: int) -> None:
    ids = [job.id for job in await put(store, number)]
    assert sorted(await store.delete(ids)) == sorted(ids)
    assert await store.find(ids) == []


async def steps(store: Store, number: int) -> None:
    for job in await claimed(store, number):
        assert await store.store_step(job, "once", "1")
        assert await store.step(job.id, "once") == (1,)


@pytest.mark.parametrize("number", [1, 2, 120])
@pytest.mark.parametrize("call", [inserts, claims, settles, reopens, deletes, steps])
async def test_a_lost_answer_changes_nothing(url: str, call: Call, number: int) -> None:
    """Wherever a connection ends, between a call's first statement and its last answer."""
    async with Proxy(url) as proxy, opened(proxy.url) as store:
        await call(store, number)
        for answer in ANSWERS:
            for skipped in range(4):
                proxy.loses, proxy.spares = answer, skipped
                await call(store, number)
        proxy.loses = None
        counted = Counter[JobStatus]()
        for one in (await store.pulse()).bindings:
            counted.update(one.by_status)
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("SELECT status, count(*) FROM kiribi.job GROUP BY status")
        await connection.close()
        there = {JobStatus(status): number for status, number in rows}
        assert {status: number for status, number in counted.items() if number} == there


async def test_connections_are_severed_again_and_again(url: str) -> None:
    async with Proxy(url) as proxy, opened(proxy.url) as store:
        accepted: list[str] = []

        async def enqueue(number: int) -> None:
            for _ in range(30):
                accepted.extend(
                    job.id for job in await store.insert([new() for _ in range(number)])
                )

        work = asyncio.gather(*map(enqueue, (1, 1, 1, 3, 150)))
        for _ in range(12):
            await asyncio.sleep(0.05)
            proxy.sever()
        await work
        assert len(set(accepted)) == len(accepted) == 30 * 156
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT count(*) FROM kiribi.job") == len(accepted)
        await connection.close()


class Quick(Performer):
    async def perform(self, payload: int) -> int:
        return payload


async def test_a_slow_connection(url: str) -> None:
    async with Proxy(url) as proxy, asyncio.timeout(SECONDS):
        proxy.delay = 0.02
        async with Kiribi.connect(proxy.url, performers=[Quick]) as kiribi, Worker(kiribi):
            jobs = await kiribi.enqueue_many((Quick, n) for n in range(50))
            assert [await kiribi.result(job.id) for job in jobs] == list(range(50))


async def test_a_half_open_connection_is_given_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_asyncpg, "COMMAND_SECONDS", 0.5)
    monkeypatch.setattr(_asyncpg, "RELEASE_SECONDS", 0.2)
    async with Proxy(url) as proxy, opened(proxy.url) as store:
        await asyncio.gather(*(put(store) for _ in range(30)))
        for call in (inserts, claims, settles, deletes):
            proxy.hang()
            proxy.resume()
            await call(store, 2)


async def test_a_lease_is_renewed_sooner_than_a_half_open_connection_is_given_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_postgres_tries, "QUICK_SECONDS", 0.5)
    async with Proxy(url) as proxy, opened(proxy.url) as store:
        await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
        proxy.hang()
        proxy.resume()
        async with asyncio.timeout(_asyncpg.COMMAND_SECONDS / 2):
            assert await store.renew(["w"], LEASE) == ["w"]


async def test_a_doorbell_that_hangs_is_noticed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_line, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(_line, "ANSWER_SECONDS", 0.5)
    async with Proxy(url) as proxy, asyncio.timeout(SECONDS):
        mine, bell = await open_store(proxy.url)
        theirs, other = await open_store(url)
        await bell.wait(bell.mark(), 0, ["A"])
        while await bell.wait(bell.mark(), 0.3, ["A"]):  # it has begun to listen
            pass
        waiting = asyncio.create_task(bell.wait(bell.mark(), SECONDS, ["A"]))
        proxy.hang()
        proxy.resume()
        assert await waiting, "it rings when it listens again, for what was missed"
        heard = False
        while not heard:
            waiting = asyncio.create_task(bell.wait(bell.mark(), 1.0, ["A"]))
            await asyncio.sleep(0.05)
            other.ring((0,), ["A"])
            heard = await waiting
        for one in (bell, other, mine, theirs):
            await one.close()


async def test_another_loop_keeps_its_connection_until_it_ends(url: str) -> None:
    """As that of the thread that renews a lease."""
    async with Proxy(url) as proxy, opened(proxy.url) as store:
        await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
        before = proxy.accepted

        def renew() -> None:
            with asyncio.Runner() as runner:
                for again in range(6):
                    if again == 3:
                        assert proxy.accepted == before + 1
                        asyncio.run_coroutine_threadsafe(sever(), loop).result(SECONDS)
                    assert runner.run(store.renew(["w"], LEASE)) == ["w"]

        async def sever() -> None:
            proxy.sever()

        loop = asyncio.get_running_loop()
        await asyncio.to_thread(renew)
