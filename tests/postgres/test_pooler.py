"""Behind a PgBouncer in transaction mode: no two transactions meet the same session for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from tests.postgres.pooler import Pooler
from tests.postgres.server import emptied

from kiribi import JobFilter, JobStatus, Kiribi, Performer, lifecycle
from kiribi.errors import StoreUnavailable
from kiribi.job import new_id
from kiribi.ports import NewJob, Store, WorkerInfo
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store

SECONDS = 60.0
CLIENTS = 16


class Double(Performer):
    async def perform(self, payload: int) -> int:
        self.log(f"doubling {payload}")
        return 2 * payload


class Keyed(Performer):
    concurrency = 2
    concurrency_per_key = 1
    running = 0
    most = 0

    async def perform(self, payload: int) -> int:
        cls = type(self)
        cls.running += 1
        cls.most = max(cls.most, cls.running)
        await asyncio.sleep(0.002)
        cls.running -= 1
        return payload


@pytest.fixture(scope="module")
def pooler(postgres_url: str) -> Iterator[Pooler]:
    with Pooler(postgres_url) as pooler:
        yield pooler


@pytest.fixture
def url(pooler: Pooler, postgres_url: str, runner: asyncio.Runner) -> str:
    """Of a database with no jobs, through the pooler."""
    runner.run(emptied(postgres_url))
    return pooler.url


async def test_a_statement_and_its_parameters_meet_one_session(pooler: Pooler) -> None:
    """What the driver does for us: else every statement would need a transaction around it."""
    plain = pooler.url.partition("?")[0]

    async def ask(client: int) -> None:
        connection = await asyncpg.connect(plain, statement_cache_size=0)
        for number in range(50):
            asked = f"SELECT $1::integer + {client * 1000 + number}"
            assert await connection.fetchval(asked, 1) == client * 1000 + number + 1
        await connection.close()

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for client in range(CLIENTS):
            group.create_task(ask(client))


async def test_a_worker_works(url: str) -> None:
    async with (
        asyncio.timeout(SECONDS),
        Kiribi.connect(url, performers=[Double, Keyed]) as kiribi,
        Worker(kiribi),
    ):
        one = await kiribi.enqueue(Double, 21)
        many = await kiribi.enqueue_many((Double, n) for n in range(300))
        keyed = await kiribi.enqueue_many(
            (Keyed, n, {"concurrency_key": str(n % 3)}) for n in range(12)
        )
        last = await kiribi.enqueue(Double, 1, after=[job.id for job in keyed])
        assert await kiribi.result(one.id) == 42
        assert [await kiribi.result(job.id) for job in many] == [2 * n for n in range(300)]
        assert await kiribi.result(last.id) == 2
        assert Keyed.most <= 2
        page = await kiribi.find_many({"binding": "KEYED", "status": "COMPLETED"})
        assert [job.id for job in page.jobs] == [job.id for job in reversed(keyed)]
        assert (await kiribi.count({"status": "COMPLETED"})).value == 314
        assert [line.message for _, line in await kiribi.logs(one.id)] == ["doubling 21"]


async def test_each_job_is_claimed_once(url: str, postgres_url: str) -> None:
    async with asyncio.timeout(SECONDS), AsyncExitStack() as stack:
        stores: list[Store] = []
        for _ in range(CLIENTS):
            store, queue = await open_store(url)
            stack.push_async_callback(store.close)
            stack.push_async_callback(queue.close)
            stores.append(store)
        await stores[0].insert([NewJob(new_id(), "A", str(n)) for n in range(400)])

        async def work(store: Store) -> list[str]:
            worker = WorkerInfo(new_id(), "here", 1, "1", ("A",), 1)
            await store.enlist(worker, 60_000)
            mine: list[str] = []
            while jobs := await store.claim(worker.id, ["A"], 7):
                settled = await store.apply([lifecycle.complete(job, None) for job in jobs])
                assert all(settled)
                mine += [job.id for job in jobs]
            return mine

        taken = await asyncio.gather(*map(work, stores))
        assert sum(map(len, taken)) == len({id for ids in taken for id in ids}) == 400
        done = JobFilter(statuses=(JobStatus.COMPLETED,))
        assert (await stores[0].count(done)).value == 400

    connection = await asyncpg.connect(postgres_url)
    kept = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert await connection.fetchval(kept) == 0, "nothing is left behind in a session"
    await connection.close()


async def test_who_listens_elsewhere_hears(url: str, postgres_url: str) -> None:
    async with (
        asyncio.timeout(SECONDS),
        Kiribi.connect(url, performers=[Double]) as behind,
        Kiribi.connect(postgres_url, performers=[Double]) as direct,
    ):
        heard = False
        while not heard:  # once it listens
            waiting = asyncio.create_task(direct.queue.wait(direct.queue.mark(), 1.0, ["DOUBLE"]))
            await asyncio.sleep(0.05)
            await behind.enqueue(Double, 1)
            heard = await waiting


async def test_who_waits_behind_it_looks_each_second(url: str) -> None:
    async with Kiribi.connect(url) as kiribi:
        waiting = kiribi.queue.wait(kiribi.queue.mark(), 10 * SECONDS)
        assert not await asyncio.wait_for(waiting, SECONDS)


async def test_many_open_a_new_schema_at_once(url: str) -> None:
    async def opened() -> None:
        store, queue = await open_store(f"{url}&schema=behind")
        await queue.close()
        await store.close()

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(opened() for _ in range(6)))


async def test_without_the_option_it_says_what_to_do(url: str) -> None:
    async def insert(store: Store) -> None:
        for number in range(50):
            await store.insert([NewJob(new_id(), "A", str(number))])

    async def misused() -> None:
        store, queue = await open_store(url.partition("?")[0])
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.gather(*(insert(store) for _ in range(CLIENTS)))
        finally:
            await queue.close()
            await store.close()

    with pytest.raises(StoreUnavailable, match=r"add \?pooler=transaction to its URL"):
        await misused()
