"""Clients at once, each a store of its own, and records of what they did, in its order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg

from kiribi.job import Job, new_id
from kiribi.ports import NewJob, Store, WorkerInfo
from kiribi.stores import open_store

CLIENTS = 16
SECONDS = 60.0
"""What takes longer hangs."""
T = TypeVar("T")
Act = Callable[[Store, int, random.Random], Awaitable[T]]

RECORDS = """
DROP SCHEMA IF EXISTS races_seen CASCADE;
CREATE SCHEMA races_seen;
CREATE TABLE races_seen.event (
  place bigserial, at timestamptz, what text,
  id text, key text, status text, payload text, due bigint
);
CREATE FUNCTION races_seen.note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  job races.job := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  INSERT INTO races_seen.event (at, what, id, key, status, payload, due)
  VALUES (clock_timestamp(), TG_OP, job.id, job.unique_key, job.status, job.payload, job.due);
  RETURN NULL;
END $$;
CREATE TRIGGER seen AFTER INSERT OR UPDATE OR DELETE ON races.job_open
  FOR EACH ROW EXECUTE FUNCTION races_seen.note();
"""
"""A job's row there comes, changes and goes. What one transaction decides by what another has done,
it notes after that one has: in their order by the clock."""


@dataclass
class Race:
    """Stores that share a database.

    Attributes:
        stores: one for each client.
        sql: a connection to look at the tables by, which are in the schema `races`.
        chance: seeded.
    """

    stores: Sequence[Store]
    sql: asyncpg.Connection
    chance: random.Random
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, act: Act[T], clients: Sequence[int] = range(CLIENTS)) -> list[T]:
        """What `act` gives each of the clients, all begun at once."""
        seeds = [self.chance.randrange(1 << 30) for _ in clients]
        async with asyncio.timeout(SECONDS):
            return await asyncio.gather(
                *(
                    act(self.stores[number], number, random.Random(seed))
                    for number, seed in zip(clients, seeds, strict=True)
                )
            )

    async def workers(self, *bindings: str) -> None:
        """Enlist a worker w0, w1, … for each client."""
        for number, store in enumerate(self.stores):
            await store.enlist(WorkerInfo(f"w{number}", bindings=bindings, slots=9), 600_000)

    async def rows(self, sql: str) -> list[asyncpg.Record]:
        """What a query finds."""
        async with self.looking:
            return await self.sql.fetch(sql)

    async def open(self) -> int:
        """How many jobs have not ended."""
        return (await self.rows("SELECT count(*) FROM races.job_open"))[0][0]

    async def every(self) -> list[Job]:
        """All jobs there are, and that each is there once."""
        ids = [id for (id,) in await self.rows("SELECT id FROM races.job ORDER BY id")]
        assert len(ids) == len(set(ids))
        return await self.stores[0].find(ids)

    async def record(self) -> None:
        """Note from now on what happens to open jobs."""
        await self.sql.execute(RECORDS)

    async def events(self) -> list[dict[str, Any]]:
        """What has happened, in order."""
        rows = await self.rows("SELECT * FROM races_seen.event ORDER BY at, place")
        assert rows
        return [dict(row) for row in rows]


@asynccontextmanager
async def racing(url: str) -> AsyncIterator[Race]:
    """An empty schema and its clients."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    sql = await asyncpg.connect(url)
    await sql.execute("DROP SCHEMA IF EXISTS races CASCADE")
    stores: list[Store] = []
    try:
        for _ in range(CLIENTS):
            store, queue = await open_store(f"{url}?schema=races")
            await queue.close()
            stores.append(store)
        yield Race(stores, sql, random.Random(seed))
    finally:
        for store in stores:
            await store.close()
        await sql.close()


def new(binding: str = "A", payload: str = "null", **fields: Any) -> NewJob:
    """A job to insert."""
    return NewJob(new_id(), binding, payload, **fields)
