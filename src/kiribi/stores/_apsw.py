"""Connections to one SQLite file that many processes share."""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import apsw

from kiribi.errors import StoreUnavailable
from kiribi.stores._rows import HELP, Row

PATIENCE = 30.0
"""Seconds a connection waits for the file's lock before it gives up."""

MAX_WAL_BYTES = 64 * 1024 * 1024
STATEMENTS_CACHED = 128

DAMAGED = f"it is damaged; restore a backup, or salvage what can be read: {HELP}"
UNAVAILABLE = {
    apsw.BusyError: f"other processes have kept it locked for {PATIENCE:g} s",
    apsw.LockedError: "it is locked within this process",
    apsw.FullError: f"the disk is full; {HELP}",
    apsw.ReadOnlyError: f"it cannot be written; {HELP}",
    apsw.CorruptError: DAMAGED,
    UnicodeDecodeError: DAMAGED,
    apsw.NotADBError: f"it is not a SQLite database; {HELP}",
    apsw.CantOpenError: "it cannot be opened; is the folder there and writable?",
    apsw.PermissionsError: "access is denied",
    apsw.IOError: f"reading or writing failed; {HELP}",
    apsw.NoLFSError: "it is too large for this file system",
    apsw.ConnectionClosedError: "it has been closed",
}


class Executes(Protocol):
    """A connection or a cursor of it: apsw's stubs name a type that Python has from 3.12 on."""

    def execute(self, statements: str, bindings: Any = None, /) -> Any: ...


def explanation(path: str, error: Exception) -> Exception:
    """What SQLite cannot do as StoreUnavailable, naming the file and the reason."""
    for kind, reason in UNAVAILABLE.items():
        if isinstance(error, kind):
            return StoreUnavailable(f"database {path}: {reason} ({error})")
    return error


@contextmanager
def explained(path: str) -> Generator[None, None, None]:
    """Raise the explanation of whatever SQLite raises."""
    try:
        yield
    except (apsw.Error, UnicodeDecodeError) as error:
        raise explanation(path, error) from error


def connect(path: str, *, read_only: bool = False) -> apsw.Connection:
    """A connection in WAL mode, durable on commit, patient with other processes.

    Raises:
        StoreUnavailable: the file cannot be opened.
    """
    with explained(path):
        connection = apsw.Connection(path, statementcachesize=STATEMENTS_CACHED)
        connection.set_busy_handler(Patience())
        # the planner shall not look at parameters: it would compile the statement anew each time
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        if not read_only:
            _switch_to_wal(connection)
        for pragma in (
            "synchronous = FULL",
            # fsync on macOS leaves the data in the drive's cache
            "fullfsync = 1",
            "checkpoint_fullfsync = 1",
            "foreign_keys = ON",
            f"journal_size_limit = {MAX_WAL_BYTES}",
            f"query_only = {int(read_only)}",
        ):
            execute(connection, f"PRAGMA {pragma}")
    return connection


def execute(connection: Executes, sql: str, params: Sequence[Any] = ()) -> list[Row]:
    """The rows of a statement, or of several without parameters."""
    return connection.execute(sql, params).fetchall()


def _switch_to_wal(connection: apsw.Connection) -> None:
    # SQLite does not ask the busy handler here
    patience = Patience()
    attempt = 0
    while True:
        try:
            execute(connection, "PRAGMA journal_mode = WAL")
        except apsw.BusyError:
            if not patience(attempt):
                raise
            attempt += 1
        else:
            return


class Patience:
    """A busy handler with short, jittered waits: SQLite's own grow to 100 ms, and starve."""

    def __init__(self) -> None:
        self.hurry = False
        self._until = 0.0

    def __call__(self, earlier: int) -> bool:
        if self.hurry:
            return False
        now = time.monotonic()
        if earlier == 0:
            self._until = now + PATIENCE
        if now >= self._until:
            return False
        time.sleep(random.uniform(0.1, 1) * min(0.000_5 * 1.5 ** min(earlier, 10), 0.010))  # noqa: S311
        return True
