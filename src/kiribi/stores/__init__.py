"""Stores by database URL. A driver is imported only when its store is opened."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from kiribi.errors import InvalidDatabaseURL, NotSupported
from kiribi.ports import Queue, Store

if TYPE_CHECKING:
    from kiribi.stores.postgres import PostgresStore
    from kiribi.stores.sqlite import SqliteStore

    Clock = Callable[[], int] | None
    Opened = tuple[PostgresStore | SqliteStore, Callable[[], Awaitable[Queue]]]

ALLOWED = (
    "give sqlite:///jobs.db (relative), sqlite:////var/lib/jobs.db (absolute), "
    "sqlite:// (in memory) or postgresql://user:password@host:5432/database"
)


async def open_store(
    url: str, *, migrate: bool = True, clock: Callable[[], int] | None = None
) -> tuple[Store, Queue]:
    """Open the store of a database URL, and its doorbell.

    Args:
        migrate: bring the schema to this version; else it must be.
        clock: stands in for the store's own, epoch milliseconds: for tests.

    Raises:
        InvalidDatabaseURL: it cannot be read; it is shown without its password.
        NotSupported: a database that this version cannot use yet.
        StoreUnavailable: the database cannot be opened.
        SchemaMismatch: its schema is newer, or older and `migrate` is False.
    """
    store, bell = await _opened(url, clock)
    try:
        await (store.migrate() if migrate else store.check_schema())
        return store, await bell()
    except BaseException:
        await store.close()
        raise


async def migrate(url: str) -> int:
    """Bring the schema of a database to this version; how many migrations ran.

    Raises:
        StoreError: as `open_store`.
    """
    store, _ = await _opened(url, None)
    try:
        return await store.migrate()
    finally:
        await store.close()


async def _opened(url: str, clock: Clock) -> Opened:
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "d1":
        raise NotSupported(f"{scheme}:// databases are opened by Workers alone; {ALLOWED}")
    if separator and scheme in ("postgresql", "postgres"):
        return await _postgres(url, clock)
    if not separator or scheme != "sqlite":
        raise InvalidDatabaseURL("database", without_password(url), ALLOWED)
    return await _sqlite(sqlite_path(url, rest), clock)


async def _sqlite(path: str, clock: Clock) -> Opened:
    from kiribi.queues.local import LocalQueue
    from kiribi.stores.sqlite import MEMORY, SqliteStore

    async def bell() -> Queue:
        return LocalQueue(None if path == MEMORY else path)

    return await SqliteStore.open(path, clock=clock), bell


async def _postgres(url: str, clock: Clock) -> Opened:
    from kiribi.queues.postgres import PostgresQueue
    from kiribi.stores._postgres_url import parsed
    from kiribi.stores.postgres import PostgresStore

    async def bell() -> Queue:
        return await PostgresQueue.open(store)

    where = parsed(url)
    store = await PostgresStore.open(where.shown, where.options, where.schema, clock=clock)
    return store, bell


def sqlite_path(url: str, rest: str) -> str:
    """The path in a `sqlite://` URL, `:memory:` for memory."""
    if rest in ("", "/", "/:memory:"):
        return ":memory:"
    path = rest.removeprefix("/")
    if path == rest or path.endswith("/") or set(path) & set("?#\0"):
        raise InvalidDatabaseURL("database", without_password(url), ALLOWED)
    return path


def without_password(url: str) -> str:
    """`url` as it may be shown."""
    hidden = re.sub(r"^([^:]*:/*[^:@]*):.*@", r"\1:***@", url)
    return re.sub(r"(password=)[^&]*", r"\1***", hidden)
