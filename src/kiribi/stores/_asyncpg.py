"""Connections to a PostgreSQL database: sessions without state, so that a pooler may be between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg

from kiribi.errors import SchemaMismatch, StoreUnavailable

MOST = 5
"""Connections of one store: a worker claims, settles, reports and looks at the same time."""
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 30.0
"""A statement that takes longer is given up, and its connection with it: it may be half open."""
RELEASE_SECONDS = 2.0
"""How long a connection may take to give up a statement, or to end."""
CLOSE_SECONDS = 10.0
"""How long calls under way may take at the end."""
IDLE_SECONDS = 20.0
"""How long a connection that was needed once is kept: a server has few, and fleets are large."""

FAILED = (
    OSError,  # with all of TimeoutError and ConnectionError
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresError,
)
"""All that the driver raises."""
LOST = (
    OSError,
    asyncpg.InterfaceError,  # closed, or being closed
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,  # may come after the commit
    asyncpg.CrashShutdownError,
)
"""What says nothing about whether the work was done."""
DOWN = (
    asyncpg.OperatorInterventionError,  # starting, shutting down; or a statement was cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk or memory full
    asyncpg.ReadOnlySQLTransactionError,  # of a server that is not the first any more
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
)
"""What a database says that may be usable soon: nothing was done."""
UNSUPPORTED = "unsupported startup parameter"
"""What a pooler says of a setting for the session."""
UNPREPARED = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""What one session says of what was prepared in another."""


Kept = AsyncGenerator[asyncpg.Connection, None]


class _Connection(asyncpg.Connection):
    """Its end is no error: of a half open one that a pool replaces, nobody would see it."""

    __slots__ = ()

    async def close(self, *, timeout: float | None = None) -> None:
        """Say goodbye, or cut it off."""
        with suppress(*FAILED):
            await super().close(timeout=timeout)


class Connections:
    """A pool for the loop that opened the store; one connection at a time for any other loop.

    `options`: of `asyncpg.connect`, where and as whom.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url
        self._options: dict[str, Any] = {
            "timeout": CONNECT_SECONDS,
            "command_timeout": COMMAND_SECONDS,
            "connection_class": _Connection,
            **options,
        }
        self._pool: asyncpg.Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._others: WeakKeyDictionary[asyncio.AbstractEventLoop, Kept] = WeakKeyDictionary()
        self._using = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def pooled(self) -> bool:
        """Whether each transaction may meet another session, as behind a pooler.

        A statement by itself is a transaction there: the driver prepares it, and sends its
        parameters, before it says that it is done.
        """
        return self._options.get("statement_cache_size") == 0

    async def open(self) -> None:
        """Connect.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        self._loop = asyncio.get_running_loop()
        try:
            self._pool = await asyncpg.create_pool(
                min_size=1,
                max_size=MOST,
                max_inactive_connection_lifetime=IDLE_SECONDS,
                reset=_nothing,
                **self._options,
            )
        except FAILED as error:
            raise self.unavailable(error) from error

    async def close(self) -> None:
        """Let go of the database, once the calls under way have ended, or after a while."""
        self._closed = True
        if self._pool is None or self._loop is None:
            return
        if self._loop is not asyncio.get_running_loop():
            with suppress(RuntimeError):  # it is closed, and the pool with it
                self._loop.call_soon_threadsafe(self._pool.terminate)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._unused.wait()
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._pool.close()
        except FAILED:
            self._pool.terminate()

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[asyncpg.Connection, None]:
        """A connection, for one transaction.

        Raises:
            StoreUnavailable: the store is closed.
        """
        if self._closed or self._pool is None:
            raise StoreUnavailable(f"database {self._url}: the store is closed")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # kept for the loop's next call: who ends it with `asyncio.run` or a Runner, closes it
            kept = self._others.pop(loop, None)
            connection = None if kept is None else await anext(kept, None)
            if kept is None or connection is None:
                kept = self._connected()
                connection = await anext(kept)
            try:
                yield connection
            finally:
                if connection.is_closed() or loop in self._others:
                    await kept.aclose()
                else:
                    self._others[loop] = kept
            return
        self._using += 1
        self._unused.clear()
        try:
            async with _taken(self._pool) as connection:
                yield connection
        finally:
            self._using -= 1
            if not self._using:
                self._unused.set()

    async def _connected(self) -> Kept:
        """A connection, for as long as this is not closed."""
        connection = await self.connect()
        try:
            while not connection.is_closed():
                yield connection
        finally:
            await connection.close(timeout=RELEASE_SECONDS)

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Carry out one statement, once. Raises what the driver raises, or StoreUnavailable."""
        async with self.use() as connection:
            return await connection.fetch(sql, *arguments)

    async def connect(self) -> asyncpg.Connection:
        """A connection of one's own, to be closed by whoever asked for it."""
        return await asyncpg.connect(**self._options)

    def outdated(self, error: BaseException, schema: str) -> SchemaMismatch:
        """The error for something that a migration would have made."""
        return SchemaMismatch(
            f"database {self._url}: its schema {schema} lacks migrations "
            f"({_first_line(error)}); run `kiribi migrate`"
        )

    def unavailable(self, error: BaseException) -> StoreUnavailable:
        """The error, saying which database; the driver's words, never the password."""
        said = _first_line(error)
        if (isinstance(error, UNPREPARED) or UNSUPPORTED in said) and not self.pooled:
            said = "a pooler changes sessions under our hands: add ?pooler=transaction to its URL"
        return StoreUnavailable(f"database {self._url}: {said}")


@asynccontextmanager
async def _taken(pool: asyncpg.Pool) -> AsyncGenerator[asyncpg.Connection, None]:
    """A connection of a pool."""
    connection = await pool.acquire(timeout=CONNECT_SECONDS)
    try:
        yield connection
    except (TimeoutError, asyncpg.ReadOnlySQLTransactionError):
        # what is half open, or another server now, its neighbours are, too
        await pool.expire_connections()
        raise
    finally:
        # the answer is there, or the reason why not: how the connection ends changes nothing
        with suppress(*FAILED):
            await pool.release(connection, timeout=RELEASE_SECONDS)


@asynccontextmanager
async def transaction(connection: asyncpg.Connection) -> AsyncGenerator[None, None]:
    """A transaction; one that failed is not waited for where its connection does not answer."""
    begun = connection.transaction()
    await begun.start()
    try:
        yield
    except BaseException:
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await begun.rollback()
        except FAILED:
            with suppress(asyncpg.InterfaceError):  # it is gone already
                connection.terminate()
        raise
    await begun.commit()


def _first_line(error: BaseException) -> str:
    """The driver's words, without details: these show what is in the tables."""
    return str(error).partition("\n")[0] or type(error).__name__


async def _nothing(connection: asyncpg.Connection) -> None:
    """A session has no state to reset: asking for it would be a round trip."""
