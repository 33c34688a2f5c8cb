"""Jobs in the transactions of others: there if these commit, and only then."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from tests.conformance.world import Clock
from tests.postgres.hands import KINDS, SESSIONS, Hand, hand
from tests.postgres.server import emptied

from kiribi import Kiribi, Performer, new_id
from kiribi.blocking import BlockingKiribi
from kiribi.errors import (
    Duplicate,
    IdConflict,
    InvalidInput,
    InvalidPayload,
    NotSupported,
    SchemaMismatch,
)
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store

ORDERS = "CREATE TABLE IF NOT EXISTS orders (id integer PRIMARY KEY)"


@dataclass
class Mail:
    to: str


class SendMail(Performer):
    async def perform(self, mail: Mail) -> str:
        return mail.to


class Count(Performer):
    priority = 2

    async def perform(self, number: int) -> int:
        return number


PERFORMERS = [SendMail, Count]
Opened = Callable[[], AbstractAsyncContextManager[Hand]]


@pytest.fixture
def url(postgres_url: str, runner: asyncio.Runner) -> str:
    """Of a database with no jobs, and a table of the caller's."""
    runner.run(_tidied(postgres_url))
    return postgres_url


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, url: str) -> Opened:
    return lambda: hand(request.param, url, PERFORMERS)


async def _tidied(url: str) -> None:
    await emptied(url)
    connection = await asyncpg.connect(url)
    await connection.execute(f"{ORDERS}; DELETE FROM orders")
    await connection.close()


@asynccontextmanager
async def looking(url: str) -> AsyncGenerator[Kiribi]:
    """Another program's manager."""
    async with Kiribi.connect(url, performers=PERFORMERS) as kiribi:
        yield kiribi


async def there(url: str) -> tuple[int, list[Any]]:
    """How many orders there are, and the payloads of all jobs, oldest first."""
    connection = await asyncpg.connect(url)
    orders = await connection.fetchval("SELECT count(*) FROM orders")
    jobs = await connection.fetch("SELECT payload FROM kiribi.job ORDER BY id")
    await connection.close()
    return orders, [row[0] for row in jobs]


async def test_row_and_job_come_together(opened: Opened, url: str) -> None:
    async with opened() as one:
        await one.sql("INSERT INTO orders VALUES (1)")
        job = await one.enqueue(SendMail, Mail("ann"), priority=3)
        assert await there(url) == (0, [])
        await one.commit()
        assert await there(url) == (1, ['{"to":"ann"}'])
        async with looking(url) as kiribi:
            assert await kiribi.find(job.id) == job


async def test_neither_comes_of_a_rollback(opened: Opened, url: str) -> None:
    async with opened() as one:
        await one.sql("INSERT INTO orders VALUES (1)")
        await one.enqueue(SendMail, Mail("ann"))
        await one.rollback()
        assert await there(url) == (0, [])


async def test_a_savepoint_takes_its_jobs_along(opened: Opened, url: str) -> None:
    async with opened() as one:
        await one.enqueue(Count, 1)
        async with one.undone():
            await one.enqueue(Count, 2)
        await one.enqueue(Count, 3)
        await one.commit()
        assert await there(url) == (0, ["1", "3"])


async def test_many(opened: Opened, url: str) -> None:
    """Over a thousand: more than one round trip."""
    async with opened() as one:
        jobs = await one.enqueue_many([(Count, n, {"first_delay": 60}) for n in range(1_500)])
        await one.commit()
        assert await there(url) == (0, [str(n) for n in range(1_500)])
        assert {(job.priority, job.due_ms - job.updated_ms) for job in jobs} == {(2, 60_000)}
        assert await one.enqueue_many([]) == []


async def test_a_delay_counts_from_the_call(opened: Opened, url: str) -> None:
    """Not from when the transaction began."""
    async with opened() as one:
        now = await one.sql(
            "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM pg_sleep(0.2)"
        )
        job = await one.enqueue(Count, 1, first_delay=60)
        assert job.due_ms >= now + 60_000
        await one.commit()


async def test_all_options_work(opened: Opened, url: str) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    async with opened() as one:
        first = await one.enqueue(Count, 1, id=new_id(), concurrency_key="k", max_attempts=7)
        after = await one.enqueue(Count, 2, after=first, first_delay=3)
        unique = await one.enqueue(Count, 3, unique=True, timeout=2)
        again = await one.enqueue(Count, 3, unique=True)
        later = await one.enqueue(Count, 4, at=at)
        long = await one.enqueue("SEND_MAIL", {"to": "é" * 2_000})
        assert (again.id, again.duplicate) == (unique.id, True)
        await one.commit()
    async with looking(url) as kiribi:
        jobs = [first, after, unique, later, long]
        assert await kiribi.store.find([job.id for job in jobs]) == jobs
        assert (await kiribi.explain(after.id)).reasons[0].code == "waits_for_jobs"


async def test_a_refusal_leaves_the_rest(opened: Opened, url: str) -> None:
    raising = {"on_conflict": "raise"}
    async with looking(url) as kiribi:
        taken = await kiribi.enqueue(Count, 1, id=new_id())
        held = await kiribi.enqueue(Count, 2, unique=raising)
    async with opened() as one:
        await one.sql("INSERT INTO orders VALUES (1)")
        with pytest.raises(IdConflict, match=taken.id):
            await one.enqueue(Count, 7, id=taken.id)
        with pytest.raises(Duplicate) as caught:
            await one.enqueue(Count, 2, unique=raising)
        assert caught.value.job.id == held.id
        with pytest.raises(Duplicate):
            await one.enqueue_many([(Count, 5), (Count, 2, {"unique": raising})])
        with pytest.raises(InvalidInput, match="after"):
            await one.enqueue(Count, 8, after=new_id())
        many = [(Count, n, {"id": new_id()}) for n in range(10, 1_010)]
        with pytest.raises(IdConflict):
            await one.enqueue_many([*many, (Count, 7, {"id": taken.id})])
        assert (await one.enqueue(Count, 1, id=taken.id)).duplicate
        await one.enqueue(Count, 3)
        await one.commit()
    assert await there(url) == (1, ["1", "2", "3"])


async def test_what_is_wrong_is_never_sent(opened: Opened, url: str) -> None:
    async with opened() as one:
        await one.sql("INSERT INTO orders VALUES (1)")
        with pytest.raises(InvalidPayload):
            await one.enqueue(SendMail, {"to": 3})
        with pytest.raises(InvalidInput, match="priority"):
            await one.enqueue(Count, 1, priority=10)
        with pytest.raises(InvalidInput, match="It is job 1"):
            await one.enqueue_many([(Count, 1), (Count, "one")])
        await one.commit()
    assert await there(url) == (1, [])


async def test_an_id_is_stored_once_by_two_transactions(url: str) -> None:
    """The second waits for the first, and finds what that left."""
    id = new_id()
    async with (
        hand("asyncpg", url, PERFORMERS) as one,
        hand("psycopg-async", url, PERFORMERS) as two,
    ):
        await one.enqueue(Count, 1, id=id)
        waiting = asyncio.create_task(two.enqueue(Count, 1, id=id))
        await until_locked(url)
        assert not waiting.done()
        await one.commit()
        assert (await waiting).duplicate
        await two.commit()
    assert await there(url) == (0, ["1"])


async def until_locked(url: str) -> None:
    """Until somebody waits for a lock."""
    connection = await asyncpg.connect(url)
    asked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while not await connection.fetchval(asked):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
    await connection.close()


async def test_new_bindings_keep_nobody_waiting(url: str) -> None:
    async with (
        hand("asyncpg", url, PERFORMERS) as one,
        hand("psycopg", url, PERFORMERS) as two,
    ):
        await one.enqueue(Count, 1)
        await two.enqueue(Count, 2)
        await two.commit()
        await one.rollback()
    assert await there(url) == (0, ["2"])


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_other_isolation(url: str, level: str) -> None:
    """Of a binding that came after the snapshot."""
    async with hand("psycopg", url, PERFORMERS) as one:
        await one.sql(f"SET TRANSACTION ISOLATION LEVEL {level}")
        await one.sql("SELECT count(*) FROM orders")
        await one.enqueue_many([(SendMail, Mail("ann")), (SendMail, Mail("bea"))])
        await one.commit()
    assert len((await there(url))[1]) == 2


async def test_a_job_of_a_long_transaction_runs(url: str) -> None:
    """It comes in below those that ran meanwhile."""
    async with (
        hand("asyncpg", url, PERFORMERS) as one,
        looking(url) as kiribi,
        Worker(kiribi),
    ):
        late = await one.enqueue(Count, 1)
        soon = await kiribi.enqueue(Count, 2)
        assert await kiribi.result(soon.id, timeout=20) == 2
        await one.commit()
        assert await kiribi.result(late.id, timeout=20) == 1


async def test_after_a_job_that_ends_before_the_commit(url: str) -> None:
    """Its end waits for nobody, and overlooks who waits for it: a tick does not."""
    async with hand("asyncpg", url, PERFORMERS) as one, looking(url) as kiribi:
        first = await kiribi.enqueue(Count, 1)
        late = await one.enqueue(Count, 2, after=first)
        async with Worker(kiribi):
            assert await kiribi.result(first.id, timeout=20) == 1
            await one.commit()
            assert await kiribi.result(late.id, timeout=20) == 2


async def test_after_a_job_that_has_ended(opened: Opened, url: str) -> None:
    async with looking(url) as kiribi, opened() as one:
        completed, cancelled = await kiribi.enqueue(Count, 1), await kiribi.enqueue(Count, 2)
        await kiribi.cancel(cancelled.id)
        assert await kiribi.perform(Count, 3) == 3
        async with Worker(kiribi):
            await kiribi.result(completed.id, timeout=20)
        due = await one.enqueue(Count, 4, after=completed)
        ended = await one.enqueue(Count, 5, after=cancelled)
        assert due.due_ms == due.updated_ms
        assert ended.status == "CANCELLED"
        await one.commit()
        assert await kiribi.store.find([due.id, ended.id]) == [due, ended]


async def test_what_ends_on_a_day_without_a_shelf(url: str) -> None:
    """It stays held, and the transaction goes on; a tick does the rest."""
    clock = Clock()
    kiribi = Kiribi()
    kiribi.bind(*await open_store(url, clock=clock), PERFORMERS)
    cancelled = await kiribi.enqueue(Count, 1)
    await kiribi.cancel(cancelled.id)
    clock.advance(7 * 86_400_000)
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        job = await kiribi.enqueue(Count, 2, after=cancelled, transaction=connection)
        assert job.status == "PENDING"
        await connection.execute("INSERT INTO orders VALUES (1)")
    await connection.close()
    assert await there(url) == (1, ["1", "2"])
    await kiribi.store.repair()
    assert (await kiribi.store.find([job.id]))[0].status == "CANCELLED"
    await kiribi.close()


@pytest.mark.parametrize("kind", SESSIONS)
async def test_a_session_rings_once_it_has_committed(url: str, kind: str) -> None:
    async with hand(kind, url, PERFORMERS) as one:
        silent = await one.rings()
        await one.enqueue(Count, 1)
        await one.rollback()
        async with one.undone():
            await one.enqueue(Count, 2)
        await one.commit()
        async with one.kept():
            await one.enqueue(Count, 3)
        assert await one.rings() == silent  # a savepoint alone was released
        await one.rollback()
        await one.sql("SELECT 1")
        await one.commit()
        await one.enqueue(Count, 4)
        assert await one.rings() == silent
        await one.commit()
        assert await one.rings() > silent
        rung = await one.rings()
        await one.sql("SELECT 1")
        await one.commit()
        assert await one.rings() == rung
    assert await there(url) == (0, ["4"])


async def test_notify_rings_at_the_commit(opened: Opened, url: str) -> None:
    async with looking(url) as kiribi, opened() as one:
        assert await kiribi.queue.wait(kiribi.queue.mark(), 20, ["COUNT"])  # it listens
        mark = kiribi.queue.mark()
        await one.enqueue(Count, 1, notify=True)
        await one.enqueue(Count, 2, notify=True, first_delay=60)
        assert not await kiribi.queue.wait(mark, 0, ["COUNT"])
        await one.commit()
        assert await kiribi.queue.wait(mark, 20, ["COUNT"])


async def test_ring_tells_other_programs(url: str) -> None:
    async with looking(url) as kiribi:
        assert await kiribi.queue.wait(kiribi.queue.mark(), 20)  # it listens
        mark = kiribi.queue.mark()
        with BlockingKiribi(url, performers=PERFORMERS) as twin:
            twin.ring()
            assert await kiribi.queue.wait(mark, 20)


async def test_without_a_transaction(opened: Opened, url: str) -> None:
    """What commits each statement by itself is refused, and nothing was stored."""
    async with opened() as one:
        await one.commit_each()
        with pytest.raises(InvalidInput, match="transaction"):
            await one.enqueue(Count, 1)
    assert await there(url) == (0, [])


async def test_wrong_connections(url: str) -> None:
    async with looking(url) as kiribi:
        blocking = psycopg.connect(url)
        with pytest.raises(InvalidInput, match="BlockingKiribi"):
            await kiribi.enqueue(Count, 1, transaction=blocking)
        for other in (sqlite3.connect(":memory:"), "postgresql://", object()):
            with pytest.raises(InvalidInput, match="give a connection of asyncpg or psycopg"):
                await kiribi.enqueue(Count, 1, transaction=other)
        with pytest.raises(InvalidInput, match="notify"):
            await kiribi.enqueue(Count, 1, notify=True)
        async with await psycopg.AsyncConnection.connect(url) as connection:
            with (
                BlockingKiribi(url, performers=PERFORMERS) as twin,
                pytest.raises(InvalidInput, match="async one goes to Kiribi"),
            ):
                twin.enqueue(Count, 1, transaction=connection)
        blocking.close()
    with BlockingKiribi(url, performers=PERFORMERS) as twin:
        engine = create_engine("sqlite://")
        with Session(engine) as session, pytest.raises(NotSupported, match="sqlite"):
            twin.enqueue(Count, 1, transaction=session)
        engine.dispose()
    assert await there(url) == (0, [])


async def test_a_pipeline_is_left_first(url: str) -> None:
    async with hand("psycopg-async", url, PERFORMERS) as one:
        async with one.connection.pipeline():
            with pytest.raises(InvalidInput, match="pipeline"):
                await one.enqueue(Count, 1)
        await one.enqueue(Count, 2)
        await one.commit()
    assert await there(url) == (0, ["2"])


async def test_another_database_is_named(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("DROP DATABASE IF EXISTS other")
    await connection.execute("CREATE DATABASE other")
    other = url.rpartition("/")[0] + "/other"
    async with looking(url) as kiribi, await psycopg.AsyncConnection.connect(other) as wrong:
        with pytest.raises(SchemaMismatch, match="is it the one of postgresql://"):
            await kiribi.enqueue(Count, 1, transaction=wrong)
    await connection.execute("DROP DATABASE other")
    await connection.close()


async def test_other_stores_say_so(url: str) -> None:
    async with (
        Kiribi.connect("sqlite://", performers=PERFORMERS) as kiribi,
        await psycopg.AsyncConnection.connect(url) as connection,
    ):
        with pytest.raises(NotSupported, match="PostgreSQL"):
            await kiribi.enqueue(Count, 1, transaction=connection)
        with pytest.raises(NotSupported, match="PostgreSQL"):
            await kiribi.enqueue_many([(Count, 1)], transaction=connection)
