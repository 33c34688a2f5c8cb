"""Every kind of connection a caller may have, by one interface: blocking ones block."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from inspect import isawaitable
from typing import Any

import asyncpg
import psycopg
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from kiribi import Job, Kiribi, Performer
from kiribi.blocking import BlockingKiribi

Opening = Callable[[str, Any], AbstractAsyncContextManager["Hand"]]


async def done(answer: Any) -> Any:
    """The answer of a call that may be either."""
    return await answer if isawaitable(answer) else answer


class Hand:
    """A caller with a connection in a transaction, and the manager that goes with it."""

    def __init__(self, kiribi: Kiribi | BlockingKiribi, connection: Any) -> None:
        self.kiribi = kiribi
        self.connection = connection

    async def enqueue(self, binding: Any, payload: Any = None, **options: Any) -> Job:
        asked: Any = self.kiribi.enqueue
        return await done(asked(binding, payload, transaction=self.connection, **options))

    async def enqueue_many(self, jobs: Any, **options: Any) -> list[Job]:
        return await done(self.kiribi.enqueue_many(jobs, transaction=self.connection, **options))

    async def rings(self) -> int:
        """How often its manager's bell has rung, whatever is on the way included."""

        async def mark(kiribi: Kiribi) -> int:
            return kiribi.queue.mark()

        if isinstance(self.kiribi, BlockingKiribi):
            return self.kiribi._call(mark)
        return await mark(self.kiribi)

    async def sql(self, statement: str) -> Any:
        """Carry out a statement; the first value of the first row, if there is one."""
        raise NotImplementedError

    async def commit_each(self) -> None:
        """Have each statement commit by itself."""
        raise NotImplementedError

    async def commit(self) -> None:
        await self.sql("COMMIT")

    async def rollback(self) -> None:
        await self.sql("ROLLBACK")

    @asynccontextmanager
    async def undone(self) -> AsyncGenerator[None]:
        """A savepoint that is rolled back."""
        await self.sql("SAVEPOINT mine")
        yield
        await self.sql("ROLLBACK TO SAVEPOINT mine")


class Asyncpg(Hand):
    async def sql(self, statement: str) -> Any:
        return await self.connection.fetchval(statement)

    async def commit_each(self) -> None:
        await self.rollback()


class Psycopg(Hand):
    async def sql(self, statement: str) -> Any:
        cursor = await done(self.connection.execute(statement))
        return (await done(cursor.fetchone()))[0] if cursor.description else None

    async def commit_each(self) -> None:
        await done(self.connection.set_autocommit(True))


class Alchemy(Hand):
    async def sql(self, statement: str) -> Any:
        result = await done(self.connection.execute(text(statement)))
        return result.scalar() if result.returns_rows else None

    async def commit_each(self) -> None:
        options = {"isolation_level": "AUTOCOMMIT"}
        if hasattr(self.connection, "get_bind"):
            await done(self.connection.connection(execution_options=options))
        else:
            await done(self.connection.execution_options(**options))

    async def commit(self) -> None:
        await done(self.connection.commit())

    async def rollback(self) -> None:
        await done(self.connection.rollback())

    @asynccontextmanager
    async def undone(self) -> AsyncGenerator[None]:
        inner = await done(self.connection.begin_nested())
        yield
        await done(inner.rollback())

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """A savepoint that is released."""
        inner = await done(self.connection.begin_nested())
        yield
        await done(inner.commit())


@asynccontextmanager
async def raw_asyncpg(url: str, kiribi: Any) -> AsyncGenerator[Hand]:
    connection = await asyncpg.connect(url)
    await connection.execute("BEGIN")
    try:
        yield Asyncpg(kiribi, connection)
    finally:
        await connection.close()


@asynccontextmanager
async def pooled_asyncpg(url: str, kiribi: Any) -> AsyncGenerator[Hand]:
    """With JSON as the caller likes it."""
    async with asyncpg.create_pool(url, min_size=1) as pool, pool.acquire() as connection:
        for kind in ("json", "jsonb"):
            await connection.set_type_codec(
                kind, schema="pg_catalog", encoder=json.dumps, decoder=json.loads
            )
        transaction = connection.transaction()
        await transaction.start()
        hand = Asyncpg(kiribi, connection)
        hand.commit, hand.rollback = transaction.commit, transaction.rollback
        yield hand


@asynccontextmanager
async def raw_psycopg(url: str, kiribi: Any) -> AsyncGenerator[Hand]:
    """With rows as the caller likes them."""
    connection = psycopg.connect(url, row_factory=psycopg.rows.namedtuple_row)
    try:
        yield Psycopg(kiribi, connection)
    finally:
        connection.close()


@asynccontextmanager
async def async_psycopg(url: str, kiribi: Any) -> AsyncGenerator[Hand]:
    connection = await psycopg.AsyncConnection.connect(url, cursor_factory=psycopg.AsyncRawCursor)
    try:
        yield Psycopg(kiribi, connection)
    finally:
        await connection.close()


def alchemy(driver: str, kind: Any) -> Opening:
    """SQLAlchemy over a driver: `kind` is what is handed over."""

    @asynccontextmanager
    async def opened(url: str, kiribi: Any) -> AsyncGenerator[Hand]:
        make: Any = create_async_engine if kind in ASYNC else create_engine
        engine = make(url.replace("postgresql:", f"postgresql+{driver}:"))
        given = await connected(engine) if kind in CONNECTIONS else kind(engine)
        try:
            yield Alchemy(kiribi, given)
        finally:
            await done(given.close())
            await done(engine.dispose())

    return opened


async def connected(engine: Any) -> Any:
    """A connection of an engine of either kind."""
    connection = engine.connect()
    return connection if isinstance(connection, Connection) else await connection.start()


def scoped(engine: Any) -> Any:
    """A session of whoever asks, as web frameworks have it."""
    return scoped_session(sessionmaker(engine))


ASYNC = (AsyncSession, AsyncConnection)
CONNECTIONS = (Connection, AsyncConnection)
KINDS: dict[str, tuple[type[Any], Opening]] = {
    "asyncpg": (Kiribi, raw_asyncpg),
    "asyncpg-pool": (Kiribi, pooled_asyncpg),
    "psycopg-async": (Kiribi, async_psycopg),
    "psycopg": (BlockingKiribi, raw_psycopg),
    "session": (BlockingKiribi, alchemy("psycopg", Session)),
    "scoped-session": (BlockingKiribi, alchemy("psycopg", scoped)),
    "connection": (BlockingKiribi, alchemy("psycopg", Connection)),
    "async-session-psycopg": (Kiribi, alchemy("psycopg", AsyncSession)),
    "async-session-asyncpg": (Kiribi, alchemy("asyncpg", AsyncSession)),
    "async-connection-psycopg": (Kiribi, alchemy("psycopg", AsyncConnection)),
    "async-connection-asyncpg": (Kiribi, alchemy("asyncpg", AsyncConnection)),
}
SESSIONS = [kind for kind in KINDS if "session" in kind]


@asynccontextmanager
async def hand(kind: str, url: str, performers: list[type[Performer]]) -> AsyncGenerator[Hand]:
    """A caller of this kind, in a transaction of his own."""
    manager, opening = KINDS[kind]
    if manager is Kiribi:
        async with (
            Kiribi.connect(url, performers=performers) as kiribi,
            opening(url, kiribi) as one,
        ):
            yield one
    else:
        with BlockingKiribi(url, performers=performers) as twin:
            async with opening(url, twin) as one:
                yield one
