"""The SQLite store: a file for one machine's processes, or the memory of one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

import apsw

from kiribi.errors import SchemaMismatch, StoreUnavailable
from kiribi.job import Job
from kiribi.ports import NewJob
from kiribi.stores._apsw import Executes, connect, execute, explained
from kiribi.stores._batches import Batch
from kiribi.stores._gathering import Gathering
from kiribi.stores._rows import HELP, Params, Row, as_text
from kiribi.stores._sql_store import CONFLICTS, SqlStore, apart
from kiribi.stores._statements import Statement, known_version, migrations, statement
from kiribi.stores._writer import Writer

MEMORY = ":memory:"
READERS = 4
MAX_PAYLOAD_BYTES = 1_000_000

Compiled = Sequence[tuple[Statement, Params]]


class SqliteStore(SqlStore):
    """Jobs in a SQLite file in WAL mode (`path` may be `:memory:`)."""

    @classmethod
    async def open(cls, path: str, *, clock: Callable[[], int] | None = None) -> Self:
        """Open the file, made if it is not there, without touching its schema.

        Raises:
            StoreUnavailable: it cannot be opened, or is not a database.
        """
        return cls(path, await asyncio.to_thread(connect, path), clock)

    def __init__(
        self,
        path: str,
        connection: apsw.Connection,
        clock: Callable[[], int] | None,
        writer: Callable[[apsw.Connection, str], Writer] = Writer,
    ) -> None:
        super().__init__(clock)
        self._path = path
        self._writer = writer(connection, path)
        self._local = threading.local()
        self._reading: list[apsw.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, "kiribi-reader")
        self._inserts = Gathering(super().insert, self._insert_alone)

    @property
    def url(self) -> str:
        """See `ports.Store`."""
        return f"sqlite:///{self._path}"

    @property
    def max_payload_bytes(self) -> int:
        """See `ports.Store`."""
        return MAX_PAYLOAD_BYTES

    async def migrate(self) -> int:
        """See `ports.Store`."""
        return await self._writer.submit(self._migrate)

    async def check_schema(self) -> None:
        """Make sure that the schema is this version's.

        Raises:
            SchemaMismatch: it is newer, or older and not migrated.
        """
        missing = len(migrations("sqlite")) - await self._writer.submit(self._version)
        if missing:
            raise SchemaMismatch(
                f"database {self._path}: its schema lacks {missing} migration(s); "
                "run `kiribi migrate`"
            )

    async def close(self) -> None:
        """See `ports.Store`."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.shutdown()
        for connection in self._reading:
            connection.close()
        self._writer.close()

    async def insert(self, jobs: Sequence[NewJob]) -> list[Job]:
        """See `ports.Store`."""
        if apart(jobs):
            return await super().insert(jobs)
        return await self._inserts(jobs)

    async def _insert_alone(self, jobs: Sequence[NewJob]) -> list[Job]:
        return await self._insert(jobs, self._write_at_once) if jobs else []

    async def _write(self, batch: Batch, *, durable: bool = True) -> list[list[Row]]:
        compiled = _compiled(batch)
        try:
            return await self._writer.submit(
                lambda connection: self._run(connection, compiled), durable=durable
            )
        except apsw.ConstraintError as error:
            raise _conflict(error) from None

    async def _write_at_once(self, batch: Batch) -> list[list[Row]]:
        """Without the two changes of thread, which cost a lone caller as much as the write."""
        compiled = _compiled(batch)
        try:
            answer = self._writer.at_once(lambda connection: self._run(connection, compiled))
        except apsw.ConstraintError as error:
            raise _conflict(error) from None
        return await self._write(batch) if answer is None else answer

    async def _read(self, batch: Batch) -> list[list[Row]]:
        if self._path == MEMORY:
            return await self._write(batch)
        compiled = _compiled(batch)
        try:
            reading = self._readers.submit(self._snapshot, compiled)
        except RuntimeError:
            raise StoreUnavailable("the store is closed") from None
        return await asyncio.wrap_future(reading)

    def _snapshot(self, batch: Compiled) -> list[list[Row]]:
        with explained(self._path):
            connection: apsw.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = connect(self._path, read_only=True)
                self._reading.append(connection)
            if len(batch) == 1:
                return self._run(connection, batch)
            execute(connection, "BEGIN")
            try:
                return self._run(connection, batch)
            finally:
                execute(connection, "ROLLBACK")

    def _run(self, connection: Executes, batch: Compiled) -> list[list[Row]]:
        # one time for the whole batch
        now = self._now()
        return [
            execute(connection, one.text, (now, *params)[: one.parameters]) for one, params in batch
        ]

    def _version(self, connection: Executes) -> int:
        # asked by a statement: what the connection remembers of the schema may be out of date
        if not execute(connection, "SELECT 1 FROM sqlite_schema WHERE name = 'meta'"):
            return 0
        with self._as_ours():
            ((version,),) = execute(connection, statement("sqlite", "schema_version").text)
        return known_version("sqlite", version, f"database {self._path}: its schema")

    def _migrate(self, connection: Executes) -> int:
        pending = migrations("sqlite")[self._version(connection) :]
        with self._as_ours():
            for script in pending:
                execute(connection, script)
        return len(pending)

    @contextmanager
    def _as_ours(self) -> Generator[None, None, None]:
        try:
            yield
        except (apsw.SQLError, ValueError) as error:
            raise SchemaMismatch(
                f"database {self._path}: it holds something else, not Kiribi's tables, "
                f"or is damaged; {HELP} ({error})"
            ) from error


def _conflict(error: apsw.ConstraintError) -> Exception:
    for name, conflict in CONFLICTS.items():
        if name in str(error):
            return conflict()
    return error


def _compiled(batch: Batch) -> Compiled:
    return [(statement("sqlite", name), as_text(params)) for name, params in batch]
