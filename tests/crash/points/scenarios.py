"""What is interrupted: everything before `ready` is not, everything after it is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from tests.crash.points import newer
from tests.crash.points.app import DAY, HOUR, Default, Later, Old, Point, World, ask, note

from kiribi import IllegalTransition
from kiribi.errors import JobNotFound
from kiribi.job import OPEN, JobStatus
from kiribi.ports import WorkerInfo
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store
from kiribi.testing import drain

SECONDS = 30.0
Ready = Callable[[], None]
Scenario = Callable[[str, World, Ready], Coroutine[Any, Any, None]]


@asynccontextmanager
async def managed(url: str, world: World) -> AsyncGenerator[Default]:
    """A manager by the clock of the trial."""
    kiribi = Default(None, os.environ)
    kiribi.bind(*await open_store(url, clock=world.clock))
    try:
        yield kiribi
    finally:
        await kiribi.close()


async def migrate(url: str, world: World, ready: Ready) -> None:
    """The tables are made."""
    ready()
    async with managed(url, world):
        pass


async def upgrade(url: str, world: World, ready: Ready) -> None:
    """A newer version finds the tables of an older one, with jobs of all kinds in them."""
    async with managed(url, world) as kiribi:
        await ask(kiribi, world)
        await drain(kiribi)
    newer.adopt()
    ready()
    async with managed(url, world):
        pass


async def enqueue(url: str, world: World, ready: Ready) -> None:
    """A client asks for all there is."""
    async with managed(url, world) as kiribi:
        ready()
        await ask(kiribi, world)


async def perform(url: str, world: World, ready: Ready) -> None:
    """A worker claims, performs and settles what a client asked for, keeps house, and leaves."""
    async with managed(url, world) as kiribi:
        await ask(kiribi, world)
        ready()
        until = asyncio.get_running_loop().time() + SECONDS
        async with Worker(kiribi, concurrency=4):
            while await waiting(kiribi):
                assert asyncio.get_running_loop().time() < until
                await asyncio.sleep(0.01)


async def waiting(kiribi: Default) -> bool:
    """Whether anything is left but what is due tomorrow."""
    pulse = await kiribi.store.pulse()
    return any(
        one.by_status[status]
        for one in pulse.bindings
        for status in (JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.RETRY_PENDING)
        if one.binding != Later.binding
    )


async def tick(url: str, world: World, ready: Ready) -> None:
    """Ticks fire, rescue, roll up, and prune what is old."""
    async with managed(url, world) as kiribi:
        await kiribi.enqueue_many([(Old, n, {"id": world.ids[f"old-{n}"]}) for n in (1, 2)])
        await drain(kiribi)
        world.advance(4 * DAY)
        await ask(kiribi, world)
        await kiribi.store.enlist(WorkerInfo("lost", bindings=("PLAIN",)), 20_000)
        assert await kiribi.store.claim("lost", ["PLAIN"], 2)
        ready()
        for _ in range(3):
            world.advance(HOUR)
            await kiribi.tick()
        Point.hit()


async def act(url: str, world: World, ready: Ready) -> None:
    """Somebody cancels, retries, runs at once, deletes, pauses; one by one and in bulk."""
    async with managed(url, world) as kiribi:
        await ask(kiribi, world)
        await drain(kiribi)
        ready()
        await acted(kiribi, world)


async def acted(kiribi: Default, world: World) -> None:
    """The actions; what cannot be done any more was done before."""
    id = world.ids
    steps: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("retried", lambda: kiribi.retry(id["fatal"])),
        ("cancelled", lambda: kiribi.cancel(id["later-1"])),
        ("hurried", lambda: kiribi.run_now(id["later-2"])),
        ("deleted", lambda: kiribi.delete(id["doomed"])),
    ]
    for what, step in steps:
        try:
            await step()
        except (IllegalTransition, JobNotFound):
            continue
        Point.hit()
        note(what)
    await kiribi.pause("PLAIN")
    await kiribi.limit("FLAKY", concurrency=1)
    await kiribi.resume("PLAIN")
    action = await kiribi.start_action("cancel", {"binding": "LATER"}, who="a client")
    Point.hit()
    note("action", action.id)
    for _ in range(2):
        await kiribi.tick()


SCENARIOS: dict[str, Scenario] = {
    "migrate": migrate,
    "upgrade": upgrade,
    "enqueue": enqueue,
    "perform": perform,
    "tick": tick,
    "act": act,
}


async def finish(url: str, world: World, scenario: str) -> None:
    """Another process, later, asks again for what the first one may not have come to."""
    world.advance(DAY / 2)
    if scenario == "upgrade":
        newer.adopt()
    async with managed(url, world) as kiribi:
        if scenario == "act":
            await acted(kiribi, world)
        else:
            await ask(kiribi, world)
        keyed = {"binding": "ONE", "status": sorted(OPEN)}
        assert (await kiribi.count(keyed)).value <= 1, "two open jobs have one unique key"
        world.advance(DAY)
        for _ in range(3):
            await kiribi.tick()
            await drain(kiribi)
