"""The PostgreSQL store: one database for many machines."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import asyncpg

from kiribi.errors import SchemaMismatch, StoreUnavailable
from kiribi.job import Job
from kiribi.ports import NewJob, Within
from kiribi.stores import _rows
from kiribi.stores._asyncpg import FAILED, Connections, transaction
from kiribi.stores._batches import Batch
from kiribi.stores._borrowed import borrowed
from kiribi.stores._floors import Floors, may_lower
from kiribi.stores._gathering import Gathering
from kiribi.stores._lost_answers import LostAnswers
from kiribi.stores._postgres_statements import in_schema, prepared
from kiribi.stores._postgres_tries import Tries
from kiribi.stores._postgres_upkeep import Upkeep
from kiribi.stores._rows import Row
from kiribi.stores._server_clock import ServerClock
from kiribi.stores._sql_store import apart, best_first
from kiribi.stores._statements import known_version, migrations
from kiribi.stores._transacted import Transacted

MAX_PAYLOAD_BYTES = 10_000_000
GIVE_WAY = "SET LOCAL lock_timeout = '2s'"
"""Of a migration: while it waits for somebody's table, all who come after wait for it."""
UNSYNCED = "SET LOCAL synchronous_commit = off"
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresStore(LostAnswers, Upkeep):
    """Jobs in a schema of a PostgreSQL database.

    Args:
        url: as it may be shown.
        options: of `asyncpg.connect`.
        schema: where the tables are.
        clock: stands in for the database's own, epoch milliseconds: for tests.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any],
        schema: str = "kiribi",
        clock: Callable[[], int] | None = None,
    ) -> None:
        super().__init__(clock)
        self._url = url
        self.schema = schema
        self.connections = Connections(url, options)
        self._last: dict[tuple[str, str], str] = {}
        self._unanswered: dict[tuple[str, str], str] = {}
        self._floors = Floors()
        self._server_clock = ServerClock()
        self._inserts = Gathering(super().insert, super().insert)

    @classmethod
    async def open(
        cls,
        url: str,
        options: Mapping[str, Any],
        schema: str = "kiribi",
        *,
        clock: Callable[[], int] | None = None,
    ) -> Self:
        """Connect, without touching the schema.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        store = cls(url, options, schema, clock)
        await store.connections.open()
        return store

    @property
    def url(self) -> str:
        """See `ports.Store`."""
        return self._url

    @property
    def max_payload_bytes(self) -> int:
        """See `ports.Store`."""
        return MAX_PAYLOAD_BYTES

    async def migrate(self) -> int:
        """See `ports.Store`. One at a time, whoever else migrates."""
        scripts = migrations("postgres")
        schema = self.schema
        try:
            async with self.connections.use() as connection, transaction(connection):
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"kiribi {schema}"
                )
                await connection.execute(GIVE_WAY)
                done = await self._version(connection)
                if done == 0:
                    quoted = in_schema("kiribi.", schema)[:-1]
                    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted}")
                for script in scripts[done:]:
                    await connection.execute(in_schema(script, schema))
        except FAILED as error:
            raise self.connections.unavailable(error) from error
        return len(scripts) - done

    async def check_schema(self) -> None:
        """Make sure that the schema is this version's.

        Raises:
            SchemaMismatch: it is newer, or older and not migrated.
        """
        try:
            async with self.connections.use() as connection, transaction(connection):
                missing = len(migrations("postgres")) - await self._version(connection)
        except FAILED as error:
            raise self.connections.unavailable(error) from error
        if missing:
            raise SchemaMismatch(
                f"database {self._url}: its schema {self.schema} lacks {missing} migration(s); "
                "run `kiribi migrate`"
            )

    async def close(self) -> None:
        """See `ports.Store`."""
        await self.connections.close()

    async def insert(self, jobs: Sequence[NewJob]) -> list[Job]:
        """See `ports.Store`."""
        if self._clock is None and self._server_clock.is_stale:
            await self.now_ms()  # the ids of jobs are its times
        try:
            return await (super().insert(jobs) if apart(jobs) else self._inserts(jobs))
        finally:
            if any(job.priority or job.at_ms is not None for job in jobs):
                self._floors.forget()

    async def now_ms(self) -> int:
        """See `ports.Store`."""
        ms = await super().now_ms()
        self._server_clock.set(ms)
        return ms

    def _now(self) -> int:
        return self._server_clock.now_ms() if self._clock is None else self._clock()

    def within(self, transaction: object) -> Within:
        """See `ports.Store`. The library of the connection is loaded by whoever made it."""
        return Transacted(
            borrowed(transaction),
            url=self._url,
            schema=self.schema,
            clock=self._clock,
            known=self._known_bindings,
            elsewhere=self._write,
        )

    async def _claim(
        self,
        before: Batch,
        worker: str,
        bindings: Sequence[str],
        limit: int,
        pool: str,
        held: Sequence[str],
        ids: Sequence[str] | None,
    ) -> list[Job]:
        if limit <= 0 or not bindings:
            return []
        # a claim whose answer was lost is asked for again: nobody else knows of its jobs
        token = self._unanswered.pop((worker, pool), "")
        again, token = bool(token), token or secrets.token_hex(8)
        asked = list(dict.fromkeys(bindings))
        floors = self._floors.of(asked)
        began = time.monotonic()
        last = self._last.get((worker, pool), "")
        chosen = None if ids is None else list(ids)
        choice = (worker, pool, token, again, last, list(held), asked, floors, limit, chosen)
        try:
            rows = (await self._write([*before, ("claim", choice)], durable=False))[-1]
        except StoreUnavailable:
            self._unanswered[worker, pool] = token
            raise
        if not rows:
            return []
        self._last[worker, pool] = token
        jobs = sorted(_rows.jobs(rows), key=best_first)
        if chosen is None:  # which may be any, better ones left behind
            self._floors.learn(asked, floors, jobs, limit, rows[0][-1], began)
        return jobs

    async def next_due(self, bindings: Sequence[str]) -> int | None:
        """See `ports.Store`."""
        asked = list(bindings)
        due = ("next_due", (asked, self._floors.of(asked)))
        return (await self._write([due], durable=False))[0][0][0]

    def _trying(self) -> Tries:
        return Tries(self.connections, self.schema, self._clock, self._tried)

    def _tried(self, batch: Batch) -> None:
        if may_lower(batch):
            self._floors.forget()

    async def _write(self, batch: Batch, *, durable: bool = True) -> list[list[Row]]:
        return await self._trying()(batch, "" if durable else UNSYNCED)

    async def _read(self, batch: Batch) -> list[list[Row]]:
        return await self._trying()(batch, SNAPSHOT)

    async def _version(self, connection: asyncpg.Connection) -> int:
        table = in_schema("kiribi.meta", self.schema)
        if await connection.fetchval("SELECT to_regclass($1)", table) is None:
            return 0
        version: int = await connection.fetchval(prepared("schema_version", self.schema).text)
        return known_version("postgres", version, f"database {self._url}: its schema {self.schema}")
