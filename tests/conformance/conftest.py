"""One suite for every store: a new store only adds itself to OPENERS."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.conformance.world import Clock, World
from tests.postgres.server import QUICK, emptied, served
from tests.workers.d1 import HttpDatabase, d1_worker, databases
from tests.workers.require import require

from kiribi.ports import Store
from kiribi.stores import _floors, open_store
from kiribi.stores.d1 import D1Store

Open = Callable[..., Awaitable[Store]]
"""Opens an empty store with a clock."""

Share = Callable[[Store], AbstractAsyncContextManager[Store]]
"""The same data for another client: another store, where the database has more than one."""


class SqliteFile:
    """A file each; another client has its own connections."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    async def open(self, clock: Clock) -> Store:
        self._number += 1
        url = f"sqlite:///{self._folder}/{self._number}.db"
        store, queue = await open_store(url, clock=clock)
        await queue.close()
        return store

    @asynccontextmanager
    async def share(self, store: Store) -> AsyncIterator[Store]:
        another, queue = await open_store(store.url, clock=Clock())
        await queue.close()
        try:
            yield another
        finally:
            await another.close()


class SqliteMemory:
    """One object for all clients."""

    def __init__(self, _: Path) -> None:
        pass

    async def open(self, clock: Clock) -> Store:
        return (await open_store("sqlite://", clock=clock))[0]

    @asynccontextmanager
    async def share(self, store: Store) -> AsyncIterator[Store]:
        yield store


class D1:
    """A real D1 database in workerd; another client has a driver of its own."""

    def __init__(self, databases: Iterator[HttpDatabase]) -> None:
        self._databases = databases

    async def open(self, clock: Clock) -> Store:
        database = next(self._databases)
        await database.fresh()
        return D1Store(database, database.name, clock=clock)

    @asynccontextmanager
    async def share(self, store: Store) -> AsyncIterator[Store]:
        assert isinstance(store, D1Store)
        yield D1Store(store.database, store.url, clock=Clock())


class Postgres:
    """A schema of a real server; another client has its own connections."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self, clock: Clock) -> Store:
        await emptied(self._url)
        store, queue = await open_store(self._url, clock=clock)
        await queue.close()
        return store

    @asynccontextmanager
    async def share(self, store: Store) -> AsyncIterator[Store]:
        another, queue = await open_store(self._url, clock=Clock())
        await queue.close()
        try:
            yield another
        finally:
            await another.close()


Opener = SqliteFile | SqliteMemory | D1 | Postgres
OPENERS = ("sqlite-file", "sqlite-memory", "postgres", "d1")


@pytest.fixture(scope="session")
def d1_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[HttpDatabase]]:
    """Databases of one workerd."""
    require()
    with (
        d1_worker(tmp_path_factory.mktemp("d1")) as running,
        closing(databases(running)) as several,
    ):
        yield several


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of a server that runs for all tests."""
    with (
        pytest.MonkeyPatch.context() as patch,
        served(tmp_path_factory.mktemp("postgres"), *QUICK) as url,
    ):
        # how slow a claim is, on a busy machine, says nothing to a clock that moves when told
        patch.setattr(_floors, "SLOW_US", 10**12)
        yield url


@pytest.fixture(params=OPENERS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    match request.param:
        case "sqlite-file":
            return SqliteFile(tmp_path)
        case "sqlite-memory":
            return SqliteMemory(tmp_path)
        case "postgres":
            return Postgres(request.getfixturevalue("postgres_url"))
        case _:
            return D1(request.getfixturevalue("d1_databases"))


@pytest.fixture
def fresh(opener: Opener) -> Open:
    return opener.open


@pytest.fixture
def share(opener: Opener) -> Share:
    return opener.share


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def world(fresh: Open, runner: asyncio.Runner) -> Iterator[World]:
    clock = Clock()
    store = runner.run(fresh(clock))
    yield World(store, clock)
    runner.run(store.close())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests in the loop that opened the store."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pyfuncitem.funcargs["runner"].run(pyfuncitem.obj(**arguments))
    return True
