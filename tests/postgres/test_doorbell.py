"""The doorbell of PostgreSQL: rings arrive, in few notifications, and wake whom they concern."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
import pytest

from kiribi import Kiribi, Performer
from kiribi.queues import _line, postgres
from kiribi.queues._subjects import GROUPS, Channels
from kiribi.queues.postgres import PostgresQueue
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store

SECONDS = 20.0
"""A wait that takes so long has failed: what must not be heard is not waited for so long."""
NUMBERS = count()


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[PostgresQueue]:
    """A process's doorbell, with its own connections."""
    store, queue = await open_store(url)
    assert isinstance(queue, PostgresQueue)
    try:
        yield queue
    finally:
        await queue.close()
        await store.close()


@pytest.fixture
def url(postgres_url: str) -> str:
    """Of a schema that nobody else listens to."""
    return f"{postgres_url}?schema=bell_{next(NUMBERS)}"


@pytest.fixture
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was rung goes on listening, although he is busy."""
    monkeypatch.setattr(_line, "BUSY_SECONDS", SECONDS)


class Ear:
    """A listener of our own: what went over the channels of a schema."""

    def __init__(self, url: str) -> None:
        self._url, _, schema = url.partition("?schema=")
        self._channels = Channels(schema)
        self.due: list[str] = []
        self.ended: list[str] = []

    async def __aenter__(self) -> Ear:
        self._connection = await asyncpg.connect(self._url)
        due = (self._channels.due, *self._channels.groups)
        for channel, heard in (
            *((one, self.due) for one in due),
            (self._channels.ended, self.ended),
        ):
            await self._connection.add_listener(
                channel, lambda *told, heard=heard: heard.append(str(told[3]))
            )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._connection.close()

    async def catch_up(self) -> None:
        """On return it has heard all that was sent before."""
        heard = asyncio.Event()

        def last(*_: object) -> None:
            heard.set()

        await self._connection.add_listener("last", last)
        async with asyncio.timeout(SECONDS):
            await self._connection.execute("NOTIFY last")
            await heard.wait()
        await self._connection.remove_listener("last", last)


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Wait until `look` finds it so."""
    deadline = asyncio.get_running_loop().time() + SECONDS
    while not await look():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


async def listening(queue: PostgresQueue, *subjects: frozenset[str] | None) -> None:
    """Wait until it hears rings about these."""
    line = queue._line
    assert line is not None

    async def served() -> bool:
        return all(subject in line._wants and line._wants[subject].served for subject in subjects)

    await until(served)


async def begun(queue: PostgresQueue, *bindings: str) -> asyncio.Task[bool]:
    """A wait for jobs of `bindings` (without: for ends) that is under way and hears others."""
    task = asyncio.create_task(queue.wait(queue.mark(), SECONDS, bindings))
    await listening(queue, frozenset(bindings))
    if task.done() or await first(task):  # by what may have been missed before it listened
        task = asyncio.create_task(queue.wait(queue.mark(), SECONDS, bindings))
        await asyncio.sleep(0)
    return task


async def first(task: asyncio.Task[bool]) -> bool:
    await asyncio.sleep(0.01)
    return task.done()


async def test_a_ring_is_heard_by_another_process(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        for rings, waits in (
            (((0,), ["A"]), ("A",)),
            (((0,), None), ("A",)),
            (((0,), None), ()),
            (((), None), ()),
            (((), ["A"]), ()),
        ):
            waiting = await begun(other, *waits)
            one.ring(*rings)
            assert await waiting, (rings, waits)


async def test_who_waits_for_anything_hears_anything(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        for rings in (((0,), ["A"]), ((0,), None), ((), None)):
            await other.wait(other.mark(), 0.01)
            await listening(other, None)
            waiting = asyncio.create_task(other.wait(other.mark(), SECONDS))
            await asyncio.sleep(0)
            one.ring(*rings)
            assert await waiting, rings


async def test_a_ring_wakes_only_whom_it_concerns(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        mine, others, results = await begun(other, "A"), await begun(other, "B"), await begun(other)
        one.ring((0,), ["A", "C"])
        assert await mine
        one.ring(())
        assert await results
        assert not others.done()
        one.ring((0,), ["B"])
        assert await others


async def test_rings_are_gathered(url: str, attentive: None) -> None:
    async with opened(url) as one, opened(url) as other, Ear(url) as ear:
        await begun(other, "A", "B")  # wants to hear of them for a while
        waiting = await begun(other, "Z")
        loop = asyncio.get_running_loop()
        started, number = loop.time(), 0
        while loop.time() < started + 0.3:
            for name in ("A", "B"):
                one.ring((0,), [name])
                number += 1
            await asyncio.sleep(0)
        one.ring((0,), ["Z"])
        assert await waiting
        await ear.catch_up()
        elapsed = loop.time() - started
        times = len(ear.due) / 2  # A and B, of two groups
        assert 1 <= times <= elapsed / postgres.GATHER_SECONDS + 1 < number / 20
        assert {name for one in ear.due for name in json.loads(one)} >= {"A", "B", "Z"}


async def test_nothing_is_sent_that_nobody_would_hear(url: str) -> None:
    """PostgreSQL wakes every session that listens to anything, for whatever is sent."""
    async with opened(url) as one, opened(url) as other, Ear(url) as ear:
        one.ring(())
        one.ring((0,), ["A"])
        one.ring((5,), ["B"])
        waiting = await begun(other, "B")
        one.ring((5,), ["B"])  # who waits, looks by then
        one.ring(())
        one.ring((0,), ["A"])
        await ear.catch_up()
        one.ring((0,), ["B"])
        assert await waiting
        await ear.catch_up()
        assert ear.ended == []
        assert ear.due == ['["B"]']


async def test_nobody_hears_himself_twice(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        mine, theirs = await begun(one, "A"), await begun(other, "A")
        rung = one.mark()
        one.ring((0,), ["A"])
        assert await theirs
        assert await mine
        line = one._line
        assert line is not None
        await line.fetch("SELECT 1")  # after what was on the way to it
        assert one.mark() == rung + 1


async def test_too_many_bindings_are_any(url: str) -> None:
    async with opened(url) as one, opened(url) as other, Ear(url) as ear:
        waiting = await begun(other, "A")
        one.ring((0,), [f"B{n:0200}" for n in range(40 * GROUPS)])
        one.ring((0,), ["A"])
        assert await waiting
        await ear.catch_up()
        assert ear.due == [""]


async def test_what_a_program_of_another_kind_sends_is_heard(url: str) -> None:
    plain, _, schema = url.partition("?schema=")
    connection = await asyncpg.connect(plain)
    async with opened(url) as queue:
        for payload in ("", "now!", '["A"]', '{"A": 1}', "[1]", "[]"):
            waiting = await begun(queue, "A")
            await connection.execute("SELECT pg_notify($1, $2)", schema, payload)
            if payload == "[1]":
                await connection.execute("SELECT pg_notify($1, $2)", schema, '["A"]')
            assert await waiting, payload
    await connection.close()


async def test_threads_ring_and_wait(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        heard: list[bool] = []

        async def wait() -> None:
            heard.append(await other.wait(other.mark(), SECONDS, ("A",)))

        thread = threading.Thread(target=lambda: asyncio.run(wait()))
        thread.start()
        await listening(other, frozenset("A"))
        await asyncio.to_thread(one.ring, (0,), ["A"])
        await asyncio.to_thread(thread.join, SECONDS)
        assert heard == [True]


async def test_a_ring_just_before_the_end_goes_out(url: str) -> None:
    async with opened(url) as other:
        for bindings in (["A"], ["B"]):
            waiting = await begun(other, *bindings)
            async with opened(url) as one:
                one.ring((0,), ["A"])
                one.ring((0,), bindings)  # gathered, and nobody waits for it any more
            assert await waiting


async def test_closing_wakes_everyone_for_good(url: str) -> None:
    async with opened(url) as queue:
        waiting = await begun(queue, "A")
        await queue.close()
        assert not await waiting
        assert not await queue.wait(queue.mark(), SECONDS, ("A",))
        queue.ring()
        await queue.close()


async def _end_listeners(url: str) -> int:
    """End the connections of all who listen; how many."""
    connection = await asyncpg.connect(url.partition("?")[0])
    ended = await connection.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"
    )
    await connection.close()
    return int(ended)


async def test_a_connection_that_is_cut_is_made_again(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        for _ in range(3):
            waiting = await begun(other, "A")
            assert await _end_listeners(url) == 1
            assert await waiting, "it rings for what may have been missed"
            waiting = await begun(other, "A")
            one.ring((0,), ["A"])
            assert await waiting


async def keys(url: str) -> int:
    """For how many things somebody listens."""
    connection = await asyncpg.connect(url.partition("?")[0])
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    number = await connection.fetchval(held)
    await connection.close()
    return int(number)


async def silent(url: str) -> bool:
    """Whether nobody listens."""
    return await keys(url) == 0


async def test_it_stops_listening_when_nobody_wants_to_hear(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_line, "LINGER_SECONDS", 0.02)
    async with opened(url) as queue:
        waiting = [await begun(queue, "A"), await begun(queue), await begun(queue, "A", "B")]
        assert await keys(url) == 3, "of A, of B, and of what ends"
        queue.ring()
        await asyncio.gather(*waiting)
        await until(lambda: silent(url))


class Ticking(Performer):
    async def perform(self, payload: int) -> int:
        return payload


class Limited(Performer):
    """Begins, and returns when it may."""

    concurrency = 1
    begun: asyncio.Event
    may_return: asyncio.Event

    async def perform(self, payload: int) -> int:
        self.begun.set()
        await self.may_return.wait()
        return payload


@asynccontextmanager
async def working(url: str) -> AsyncGenerator[Kiribi]:
    """A worker elsewhere, and the manager of somebody who enqueues."""
    performers = (Ticking, Limited)
    Limited.begun, Limited.may_return = asyncio.Event(), asyncio.Event()
    async with (
        Kiribi.connect(url, performers=performers) as there,
        Kiribi.connect(url, performers=performers) as here,
        Worker(there, concurrency=1),
    ):
        yield here


async def test_outcomes_ring_nobody_to_work(url: str, attentive: None) -> None:
    """What has ended frees no slot elsewhere; and nobody waits for a result."""
    async with working(url) as kiribi, opened(url) as idle, Ear(url) as ear:
        await begun(idle, "TICKING")  # wants to hear of them for a while
        waiting = await begun(idle, "SOMETHING_ELSE")

        async def counted() -> bool:
            return (await kiribi.count({"status": "COMPLETED"})).value == 300

        await kiribi.enqueue_many((Ticking, n) for n in range(300))
        await until(counted)
        await ear.catch_up()
        assert ear.due == ['["TICKING"]']
        assert ear.ended == []
        assert not waiting.done()
        kiribi.queue.ring((0,), ["SOMETHING_ELSE"])
        assert await waiting


async def test_outcomes_ring_those_who_wait_for_them(url: str) -> None:
    async with working(url) as kiribi, opened(url) as idle:
        waiting = await begun(idle)
        job = await kiribi.enqueue(Ticking, 7)
        assert await waiting
        assert await kiribi.result(job.id, timeout=SECONDS) == 7


async def test_limits_ring_for_those_they_let_start(url: str) -> None:
    async with working(url) as kiribi, opened(url) as idle:
        await kiribi.enqueue(Limited, 1)
        await asyncio.wait_for(Limited.begun.wait(), SECONDS)
        waiting = await begun(idle, "LIMITED")
        Limited.may_return.set()
        assert await waiting


async def test_a_worker_that_is_busy_is_not_rung(url: str) -> None:
    """It claims more once it can: and each ring wakes every session that listens."""
    async with working(url) as kiribi, Ear(url) as ear:
        job = await kiribi.enqueue(Limited, 1)
        await asyncio.wait_for(Limited.begun.wait(), SECONDS)
        await until(lambda: silent(url))
        await ear.catch_up()
        ear.due.clear()
        more = await kiribi.enqueue_many((Ticking, n) for n in range(10))
        await ear.catch_up()
        assert ear.due == []
        Limited.may_return.set()
        for one in (job, *more):
            assert await kiribi.result(one.id, timeout=SECONDS) == one.payload
