"""Connections to a PostgreSQL database: no state in a session, so that any pooler may stand between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from kiribi.errors import StoreUnavailable

MOST = 8
"""Connections of one store: a worker claims, settles, reports and looks at the same time."""
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 30.0
"""A statement that takes longer is given up, and its connection with it: it may be half open."""
IDLE_SECONDS = 300.0

LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)
"""What says nothing about whether the work was done."""
DOWN = (
    asyncpg.OperatorInterventionError,  # shut down, or a statement was cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk or memory full
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ProtocolViolationError,
    asyncpg.InsufficientPrivilegeError,
)
"""What the database says when it cannot be used: nothing was done."""


class Connections:
    """A pool for the loop that opened the store; one connection at a time for any other loop.

    `options`: of `asyncpg.connect`, where and as whom.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url
        self._options = {
            "timeout": CONNECT_SECONDS,
            "command_timeout": COMMAND_SECONDS,
            **options,
        }
        self._pool: asyncpg.Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

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
        except (*LOST, *DOWN) as error:
            raise self.unavailable(error) from error

    async def close(self) -> None:
        """Let go of the database."""
        self._closed = True
        if self._pool is not None and self._loop is asyncio.get_running_loop():
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection, for one transaction."""
        if self._closed or self._pool is None:
            raise StoreUnavailable("the store is closed")
        if asyncio.get_running_loop() is self._loop:
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                yield connection
            return
        connection = await self.connect()
        try:
            yield connection
        finally:
            await connection.close(timeout=CONNECT_SECONDS)

    async def connect(self) -> asyncpg.Connection:
        """A connection of one's own, to be closed by whoever asked for it."""
        return await asyncpg.connect(**self._options)

    def unavailable(self, error: BaseException) -> StoreUnavailable:
        """The error, saying which database; the driver's words, never the password."""
        said = str(error) or type(error).__name__
        return StoreUnavailable(f"database {self._url}: {said}")


async def _nothing(connection: asyncpg.Connection) -> None:
    """A session has no state to reset: asking for it would be a round trip."""
