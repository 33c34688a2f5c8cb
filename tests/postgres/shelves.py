"""A store on PostgreSQL with a look at its tables: what the tests of its storage share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from tests.conformance.world import START, Clock, World
from tests.postgres.server import emptied

from kiribi import lifecycle
from kiribi.job import Job
from kiribi.ports import Store
from kiribi.stores import open_store

DAY = 86_400_000
TODAY = 2 * (START // DAY)
"""The shelf of jobs that completed today; the next is that of the others."""
DEADLINE = 30.0


class Shelves(World):
    """A world whose tables can be seen."""

    sql: asyncpg.Connection

    async def standing(self) -> dict[int, int]:
        """How many jobs there are on each shelf that has any."""
        asked = "SELECT shelf, count(*) AS number FROM kiribi.job GROUP BY shelf"
        rows: list[Any] = await self.sql.fetch(asked)
        return {row["shelf"]: row["number"] for row in rows}

    async def there(self) -> set[int]:
        """The shelves that there are."""
        return {number for (number,) in await self.sql.fetch("SELECT kiribi.shelves()")}

    async def rows(self, *tables: str) -> list[int]:
        """How many rows each of these tables has."""
        counts: list[Any] = [
            await self.sql.fetchval(f"SELECT count(*) FROM kiribi.{table}") for table in tables
        ]
        return counts

    async def running(self, number: int, **fields: Any) -> list[Job]:
        """So many jobs, running."""
        ids = await self.put(number, **fields)
        await self.worker()
        return await self.store.claim("w1", ["A", "B"], number, ids=ids)

    async def ended(self, number: int, **fields: Any) -> list[str]:
        """So many jobs that completed just now."""
        jobs = await self.running(number, **fields)
        assert all(await self.store.apply([lifecycle.complete(job, 1) for job in jobs]))
        return [job.id for job in jobs]

    async def waits(self) -> None:
        """Return when somebody waits for a lock."""
        await until(
            lambda: self.sql.fetchval("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
        )


async def until(held: Callable[[], Awaitable[Any]]) -> None:
    """Return when something has become true."""
    async with asyncio.timeout(DEADLINE):
        while not await held():  # noqa: ASYNC110 - a server tells nobody
            await asyncio.sleep(0.01)  # until the next look


async def another(url: str, clock: Clock) -> Store:
    """A store with connections of its own."""
    store, queue = await open_store(url, clock=clock)
    await queue.close()
    return store


async def opened(url: str) -> Shelves:
    """An empty store at the start of time."""
    await emptied(url)
    clock = Clock()
    world = Shelves(await another(url, clock), clock)
    world.sql = await asyncpg.connect(url)
    return world


async def closed(world: Shelves) -> None:
    """Let go of it."""
    await world.sql.close()
    await world.store.close()
