"""Connections of callers: what a driver or SQLAlchemy gave them, as one that this store can use.

None of these libraries is imported here: whoever hands over a connection of one has it loaded.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import asyncpg

from kiribi.errors import InvalidInput, NotSupported
from kiribi.stores._after_commit import after_commit
from kiribi.stores._rows import Row

ALLOWED = (
    "give a connection of asyncpg or psycopg 3, or a Connection, Session, AsyncConnection or "
    "AsyncSession of SQLAlchemy"
)
NO_TRANSACTION = "give one that is in a transaction: it commits each statement by itself"
NO_PIPELINE = "leave its pipeline first: each statement decides by the answer to the one before"
DRIVERS = ("asyncpg", "psycopg")


class Borrowed(Protocol):
    """A connection in the transaction of a caller.

    Attributes:
        blocking: its calls never suspend.
        errors: what it raises when the database refuses.
    """

    blocking: bool
    errors: tuple[type[Exception], ...]

    async def begun(self) -> None:
        """Make sure that it is in a transaction.

        Raises:
            InvalidInput: it commits each statement by itself.
        """
        ...

    async def execute(self, text: str) -> None:
        """Carry out a statement without parameters."""
        ...

    async def fetch(self, text: str, *arguments: Any) -> Sequence[Row]:
        """The rows that a statement answers."""
        ...

    def after_commit(self, ring: Callable[[], None]) -> None:
        """See `ports.Within`."""
        ...


def borrowed(transaction: Any) -> Borrowed:
    """What the caller gave, as a connection.

    Raises:
        NotSupported: it is of a database or a driver that it cannot be done with.
        InvalidInput: it is nothing of the kind.
    """
    if isinstance(transaction, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy):
        return _Asyncpg(transaction)
    if loaded := sys.modules.get("psycopg"):
        if isinstance(transaction, loaded.Connection):
            return _Psycopg(transaction, blocking=True)
        if isinstance(transaction, loaded.AsyncConnection):
            return _Psycopg(transaction, blocking=False)
    if loaded := sys.modules.get("sqlalchemy.ext.asyncio"):
        if isinstance(transaction, loaded.async_scoped_session):
            transaction = transaction()
        if isinstance(transaction, loaded.AsyncSession | loaded.AsyncConnection):
            return _Alchemy(transaction, blocking=False)
    if loaded := sys.modules.get("sqlalchemy.orm"):
        if isinstance(transaction, loaded.scoped_session):
            transaction = transaction()
        if isinstance(transaction, loaded.Session):
            return _Alchemy(transaction, blocking=True)
    if (loaded := sys.modules.get("sqlalchemy")) and isinstance(transaction, loaded.Connection):
        return _Alchemy(transaction, blocking=True)
    raise _wrong(transaction, ALLOWED)


class _Asyncpg:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.blocking = False
        self.errors: tuple[type[Any], ...] = (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            OSError,
        )

    async def begun(self) -> None:
        if not self._connection.is_in_transaction():
            raise _wrong(self._connection, NO_TRANSACTION)

    async def execute(self, text: str) -> None:
        await self._connection.execute(text)

    async def fetch(self, text: str, *arguments: Any) -> Sequence[Row]:
        return await self._connection.fetch(_as_text(text), *arguments)

    def after_commit(self, ring: Callable[[], None]) -> None:
        """Nobody tells of a commit here."""


class _Psycopg:
    def __init__(self, connection: Any, *, blocking: bool) -> None:
        self._connection = connection
        self.blocking = blocking
        library = sys.modules["psycopg"]
        self.errors = (library.Error,)
        # whatever the caller had his connection make: rows and placeholders must be as we know them
        kind: Any = library.Cursor if blocking else library.AsyncCursor
        self._cursor: Callable[[], Any] = lambda: kind(
            connection, row_factory=library.rows.tuple_row
        )

    async def begun(self) -> None:
        if self._connection.info.pipeline_status.name != "OFF":
            raise _wrong(self._connection, NO_PIPELINE)
        if not _in_transaction(self._connection):
            await self.execute("SELECT 1")
        if not _in_transaction(self._connection):
            raise _wrong(self._connection, NO_TRANSACTION)

    async def execute(self, text: str) -> None:
        await self._asked(text, None)

    async def fetch(self, text: str, *arguments: Any) -> Sequence[Row]:
        return await self._asked(*_named(text, arguments))

    async def _asked(self, text: str, arguments: dict[str, Any] | None) -> Sequence[Row]:
        cursor = self._cursor()
        if self.blocking:
            with cursor:
                cursor.execute(text, arguments)
                return cursor.fetchall() if cursor.description else ()
        async with cursor:
            await cursor.execute(text, arguments)
            return await cursor.fetchall() if cursor.description else ()

    def after_commit(self, ring: Callable[[], None]) -> None:
        """Nobody tells of a commit here."""


class _Alchemy:
    def __init__(self, given: Any, *, blocking: bool) -> None:
        self._given = given
        self.blocking = blocking
        self.errors = (sys.modules["sqlalchemy.exc"].SQLAlchemyError,)
        self._connection: Any = None
        self._numbered = False

    async def begun(self) -> None:
        connection = self._given
        if self._of_session:
            connection = connection.connection()
            connection = connection if self.blocking else await connection
        self._connection = connection
        dialect = connection.dialect
        if dialect.name != "postgresql" or dialect.driver not in DRIVERS:
            raise NotSupported(
                f"transaction: jobs in one of {dialect.name}+{dialect.driver}; "
                f"give an engine of postgresql+{' or postgresql+'.join(DRIVERS)}"
            )
        self._numbered = dialect.driver == "asyncpg"
        if not await self._in_transaction():
            await self.execute("SELECT 1")
        if not await self._in_transaction():
            raise _wrong(self._given, NO_TRANSACTION)

    async def execute(self, text: str) -> None:
        await self._asked(text, None)

    async def fetch(self, text: str, *arguments: Any) -> Sequence[Row]:
        if self._numbered:
            return await self._asked(_as_text(text), arguments)
        return await self._asked(*_named(text, arguments))

    def after_commit(self, ring: Callable[[], None]) -> None:
        if self._of_session:
            after_commit(self._given if self.blocking else self._given.sync_session, ring)

    @property
    def _of_session(self) -> bool:
        return not hasattr(self._given, "exec_driver_sql")

    async def _asked(self, text: str, arguments: Any) -> Sequence[Row]:
        result = self._connection.exec_driver_sql(text, arguments)
        result = result if self.blocking else await result
        return result.fetchall() if result.returns_rows else ()

    async def _in_transaction(self) -> bool:
        if self.blocking:
            raw = self._connection.connection
        else:
            raw = await self._connection.get_raw_connection()
        driver = raw.driver_connection
        return driver.is_in_transaction() if self._numbered else _in_transaction(driver)


def _wrong(transaction: object, allowed: str) -> InvalidInput:
    kind: type[object] = type(transaction)
    return InvalidInput("transaction", f"{kind.__module__}.{kind.__qualname__}", allowed)


def _in_transaction(connection: Any) -> bool:
    return connection.info.transaction_status.name != "IDLE"


def _as_text(text: str) -> str:
    """The statement, with JSON sent as text: the caller may have his own way with JSON."""
    return re.sub(r"(\$\d+)::jsonb", r"\1::text::jsonb", text)


def _named(text: str, arguments: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """The statement as psycopg takes it, with names for the parameters."""
    text = re.sub(r"\$(\d+)", r"%(p\1)s", _as_text(text).replace("%", "%%"))
    return text, {f"p{place}": argument for place, argument in enumerate(arguments, 1)}


class Said(NamedTuple):
    """What the database said: its code, the constraint it named (or none), its words."""

    code: str
    constraint: str
    message: str


def said(error: BaseException) -> Said:
    """What the database said in the words of whichever driver, or nothing."""
    cause: BaseException | None = error
    while cause is not None:
        words: Any = cause
        if isinstance(cause, asyncpg.PostgresError):
            return Said(words.sqlstate, words.constraint_name or "", str(words))
        if diag := getattr(cause, "diag", None):
            return Said(diag.sqlstate or "", diag.constraint_name or "", diag.message_primary or "")
        cause = getattr(cause, "orig", None) or cause.__cause__
    return Said("", "", str(error))
