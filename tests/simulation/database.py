"""One SQLite database in memory for all simulated processes: the real store and statements.

What a process asks takes a moment, may fail, and dies with it. The writer's thread becomes a turn
of its process: it gathers, commits and answers with the code of the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import apsw

from kiribi.stores import sqlite
from kiribi.stores._apsw import connect
from kiribi.stores._batches import Batch
from kiribi.stores._rows import Row
from kiribi.stores._statements import migrations
from kiribi.stores._writer import Writer
from kiribi.stores.sqlite import MEMORY, SqliteStore

if TYPE_CHECKING:
    from tests.simulation.loop import Process
    from tests.simulation.world import World


class Database:
    """The file, as all processes see it.

    Attributes:
        version: how many commits have changed something, as `PRAGMA data_version` tells.
        broken: the chance that a transaction fails.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.real = emptied()
        self.version = 0
        self.broken = 0.0
        self._changes = 0

    def latency(self) -> float:
        """How long a request or an answer is under way: often no time at all, seldom long."""
        draw = self.world.random()
        if draw < 0.6:
            return 0.0
        if draw > 0.98:
            return 0.03 * self.world.random()
        return (draw - 0.6) * 2.5 * self.world.plan.latency

    def fails(self) -> bool:
        """Whether something goes wrong just now."""
        return self.broken > 0 and self.world.random() < self.broken

    def ran(self, process: Process, batch: sqlite.Compiled) -> None:
        """A batch was carried out, within a transaction."""
        changes = self.real.total_changes()
        if self.world.trace is not None:
            names = " ".join(NAMES[one.text] for one, _ in batch if one.text in NAMES)
            self.world.note("sql" if changes == self._changes else "SQL", process, names)
        if changes != self._changes:
            self._changes = changes
            names = [NAMES[one.text] for one, _ in batch if one.text in NAMES]
            self.world.judge.changed(process, names)

    def committed(self, *, durable: bool) -> None:
        """What has changed is there for all."""
        if self.world.judge.committed(durable=durable):
            self.version += 1
            for bell in self.world.bells:
                bell.something_was_written()


class _Nothing:
    def fetchall(self) -> list[Row]:
        return []


NOTHING = _Nothing()
"""What a pragma answers: memory needs no syncing."""


class Connection:
    """The connection of one process, as `Writer` and `SqliteStore` use it."""

    def __init__(self, database: Database, process: Process) -> None:
        self._database = database
        self._process = process
        self._real = database.real
        self._open = self._durable = True

    def execute(self, sql: str, params: Sequence[Any] = ()) -> Any:
        if not self._open:
            raise apsw.ConnectionClosedError("the connection is closed")
        if sql == "COMMIT":
            if self._database.fails():
                raise apsw.FullError("simulated: the disk is full")
            cursor = self._real.execute(sql)
            self._database.committed(durable=self._durable)
            return cursor
        if sql == "BEGIN IMMEDIATE" and self._database.fails():
            raise apsw.BusyError("simulated: it is locked")
        if sql == "ROLLBACK":
            self._database.world.judge.rolled_back()
        if sql.startswith("PRAGMA synchronous"):
            self._durable = "FULL" in sql
            return NOTHING
        return self._real.execute(sql, params)

    def cursor(self) -> Connection:
        return self

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction

    def set_busy_handler(self, handler: object) -> None:
        """Nobody waits: each transaction is one step."""

    def set_wal_hook(self, hook: object) -> None:
        """There is no WAL in memory."""

    def close(self) -> None:
        self._open = False


class TurnWriter(Writer):
    """A writer without a thread: its work is done when it is the process's turn."""

    def __init__(self, process: Process, database: Database, connection: Any, path: str) -> None:
        self._process = process
        self._database = database
        self._called = False
        super().__init__(connection, path)

    def _start(self) -> None:
        """No thread."""

    def submit(self, work: Any, *, durable: bool = True) -> Any:
        future = super().submit(work, durable=durable)
        self._call()
        return future

    def close(self) -> None:
        self._closed = True
        while not self._requests.empty():
            self._work_off()
        self._connection.close()

    def _call(self) -> None:
        if not self._called:
            self._called = True
            self._process.call_later(self._database.latency(), self._work_off)

    def _work_off(self) -> None:
        self._called = False
        if not self._requests.empty():
            request = self._requests.get_nowait()
            assert request is not None
            self._serve(request)
            if not self._requests.empty():
                self._call()


class SimulatedStore(SqliteStore):
    """The store of one process."""

    def __init__(self, database: Database, process: Process) -> None:
        self._process = process
        self._database = database
        self._connection: Any = Connection(database, process)
        clock = database.world.clock.ms
        writer: Any = partial(TurnWriter, process, database)
        super().__init__(MEMORY, self._connection, clock, writer)

    async def _read(self, batch: Batch) -> list[list[Row]]:
        await self._database.world.pause(self._database.latency())
        if self._database.fails():
            raise sqlite.StoreUnavailable("simulated: reading failed")
        rows = self._run(self._connection, sqlite._compiled(batch))
        if latency := self._database.latency():
            await self._database.world.pause(latency)
        return rows

    def _run(self, connection: Any, compiled: sqlite.Compiled) -> list[list[Row]]:
        rows = super()._run(connection, compiled)
        self._database.ran(self._process, compiled)
        return rows


class _Names(dict[str, str]):
    """Statements' names by their text."""

    def learn(self) -> None:
        if self:
            return
        for file in files("kiribi.stores").joinpath("sql", "sqlite").iterdir():
            if file.name.endswith(".sql"):
                name = file.name.removesuffix(".sql")
                self[sqlite.statement("sqlite", name).text] = name


NAMES = _Names()


def migrated(scripts: Sequence[str]) -> apsw.Connection:
    """A database in memory, made by migrations."""
    connection = connect(MEMORY)
    for script in scripts:
        connection.execute(script)
    return connection


@cache
def _real() -> apsw.Connection:
    NAMES.learn()
    return migrated(migrations("sqlite"))


@cache
def _first_rows() -> dict[str, list[Any]]:
    """What every table holds after the migrations."""
    connection = migrated(migrations("sqlite"))
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {
        name: connection.execute(f"SELECT * FROM {name}").fetchall()
        for (name,) in tables
        if not name.startswith("sqlite_")
    }


def emptied() -> apsw.Connection:
    """The database as it is after the migrations: the same each time, with statements compiled."""
    connection = _real()
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN")
    for name, rows in _first_rows().items():
        connection.execute(f"DELETE FROM {name}")
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {name} VALUES ({marks})", row)
    connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
