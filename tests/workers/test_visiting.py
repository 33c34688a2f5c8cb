"""`Kiribi.perform` within an invocation, on SQLite: also work that outlasts its caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from kiribi import JobStatus, Kiribi, NotFinished, Performer
from kiribi.executors.coroutine import CoroutineExecutor
from kiribi.queues.cloudflare import CloudflareQueue
from kiribi.runtimes import visiting
from kiribi.runtimes.invocation import Invocation
from kiribi.runtimes.visiting import Visiting
from kiribi.stores import open_store
from kiribi.stores._sql_store import SqlStore


class Wait(Performer):
    async def perform(self, payload: Any) -> str:
        app: asyncio.Event = self.app
        await app.wait()
        return "at last"


class Flaky(Performer):
    retry_delay = 0

    async def perform(self, payload: int) -> int:
        if self.job.attempts <= payload:
            raise LookupError(f"attempt {self.job.attempts}")
        return self.job.attempts


class Platform:
    """What an invocation has: a manager, and promises that the platform waits for."""

    def __init__(self, kiribi: Kiribi, store: SqlStore) -> None:
        self.kiribi = kiribi
        self.store = store
        self.promises: list[asyncio.Future[Any]] = []
        self.messages: list[Any] = []

    def visit(self, lease: float) -> Invocation:
        return Invocation(self.kiribi, self.store, lambda _: CoroutineExecutor(), lease)


@asynccontextmanager
async def invoked() -> AsyncGenerator[Platform]:
    store, queue = await open_store("sqlite://")
    await queue.close()
    kiribi = Kiribi(None, {})
    platform = Platform(kiribi, cast("SqlStore", store))

    async def send(messages: list[Any]) -> None:
        platform.messages += messages

    async def enter() -> None:
        kiribi.app = kiribi.app or asyncio.Event()

    bell = CloudflareQueue(send)
    here = Visiting(kiribi, platform.visit, platform.promises.append, enter, bell.flush)
    kiribi.bind(store, bell, [Wait, Flaky], here)
    async with asyncio.timeout(30):
        yield platform
    await kiribi.close()


def test_it_may_end_after_its_caller_has_gone() -> None:
    async def run() -> None:
        async with invoked() as platform:
            with pytest.raises(NotFinished) as caught:
                await platform.kiribi.perform("WAIT", wait=0.2)
            assert caught.value.job.status is JobStatus.PROCESSING
            platform.kiribi.app.set()
            [promise] = platform.promises
            await promise
            job = await platform.kiribi.find(caught.value.job.id)
            assert job is not None
            assert (job.status, job.attempts, job.result) == ("COMPLETED", 1, "at last")

    asyncio.run(run())


def test_what_takes_too_long_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "LINGER_SECONDS", 0.1)

    async def run() -> None:
        async with invoked() as platform:
            with pytest.raises(NotFinished) as caught:
                await platform.kiribi.perform("WAIT", wait=0.1)
            await platform.promises[0]
            job = await platform.kiribi.find(caught.value.job.id)
            assert job is not None
            assert (job.status, job.failures, job.crashes) == ("PENDING", 0, 0)
            assert [attempt.outcome for attempt in job.history] == ["released"]
            assert any(message["delaySeconds"] == 0 for message in platform.messages)
            platform.kiribi.app.set()
            assert await platform.visit(60).run(10) == 1  # whoever hears the message
            assert await platform.kiribi.result(job.id, 0) == "at last"
            assert await platform.store.workers() == []

    asyncio.run(run())


def test_the_error_is_the_performers_own() -> None:
    async def run() -> None:
        async with invoked() as platform:
            with pytest.raises(LookupError, match="attempt 1"):
                await platform.kiribi.perform("FLAKY", 3)
            with pytest.raises(LookupError, match="attempt 2"):
                await platform.kiribi.perform("FLAKY", 3, max_attempts=2)
            assert await platform.kiribi.perform("FLAKY", 1, max_attempts=2) == 2

    asyncio.run(run())


def test_a_paused_binding_is_not_performed() -> None:
    async def run() -> None:
        async with invoked() as platform:
            await platform.kiribi.pause("WAIT")
            with pytest.raises(NotFinished) as caught:
                await platform.kiribi.perform("WAIT", wait=0.2)
            assert caught.value.job.status is JobStatus.PENDING
            assert [promise.result() for promise in platform.promises] == [None]

    asyncio.run(run())
