"""What calls of a store cost on its database, by what that itself tells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import apsw
import asyncpg
from tests.conformance.conftest import Opener
from tests.conformance.world import Clock, World
from tests.postgres.reads import told
from tests.workers.d1 import HttpDatabase

from kiribi.stores.d1 import D1Store
from kiribi.stores.postgres import PostgresStore

T = TypeVar("T")
AROUND = ("BEGIN", "COMMIT", "PRAGMA")
"""What is no statement of the store's."""
WRITTEN = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint
FROM pg_stat_all_tables WHERE schemaname = 'kiribi'
"""
Count = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Statements sent, and rows written: of tables, on D1 of indexes, too."""

    statements: int
    rows: int


@dataclass(frozen=True, slots=True)
class Meter:
    """Tells how many statements were sent so far, and how many rows were written."""

    statements: Callable[[], int]
    rows: Count

    async def __call__(self, call: Awaitable[T]) -> tuple[T, Cost]:
        """What a call answers, and what it cost."""
        rows = await self.rows()
        statements = self.statements()
        answer = await call
        return answer, Cost(self.statements() - statements, await self.rows() - rows)


@asynccontextmanager
async def metered(opener: Opener) -> AsyncIterator[tuple[World, Meter]]:
    """An empty store, and its meter."""
    clock = Clock()
    sqlite = SqliteMeter()
    apsw.connection_hooks.append(sqlite.opened)
    try:
        store = await opener.open(clock)
    finally:
        apsw.connection_hooks.remove(sqlite.opened)
    try:
        match store:
            case D1Store():
                assert isinstance(store.database, HttpDatabase)
                yield World(store, clock), _of_d1(store.database)
            case PostgresStore():
                yield World(store, clock), await _of_postgres(store)
            case _:
                sqlite.counted()
                yield World(store, clock), Meter(lambda: sqlite.statements, sqlite.rows)
    finally:
        await store.close()


@dataclass
class SqliteMeter:
    """On all connections that are opened while it hooks them."""

    statements: int = 0
    _connections: list[apsw.Connection] = field(default_factory=list)

    def opened(self, connection: apsw.Connection) -> None:
        self._connections.append(connection)
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda done: self._ran(done["sql"]))

    def _ran(self, sql: str) -> None:
        self.statements += not sql.startswith(AROUND)

    def counted(self) -> None:
        """What was only open to make the tables tells nothing."""
        self._connections = [one for one in self._connections if _is_open(one)]

    async def rows(self) -> int:
        return sum(connection.total_changes() for connection in self._connections)


def _is_open(connection: apsw.Connection) -> bool:
    try:
        connection.total_changes()
    except apsw.ConnectionClosedError:
        return False
    return True


def _of_d1(database: HttpDatabase) -> Meter:
    async def rows() -> int:
        return sum(meta["rows_written"] for meta in database.metas)

    return Meter(lambda: len(database.metas), rows)


async def _of_postgres(store: PostgresStore) -> Meter:
    pool = store.connections._pool
    assert pool is not None
    sent: list[str] = []

    def log(query: asyncpg.connection.LoggedQuery) -> None:
        if not query.query.startswith(AROUND):
            sent.append(query.query)

    async def rows() -> int:
        ((written,),) = await told(pool, store.url, WRITTEN)
        held = [await pool.acquire() for _ in range(pool.get_size())]
        for connection in held:
            if log not in connection._con._query_loggers:
                connection.add_query_logger(log)
            await pool.release(connection)
        return written

    return Meter(lambda: len(sent), rows)
