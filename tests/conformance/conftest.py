"""One suite for every store: a new store only adds itself to OPENERS."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.conformance.world import Clock, World

from kiribi.ports import Store
from kiribi.stores import open_store

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


OPENERS = {"sqlite-file": SqliteFile, "sqlite-memory": SqliteMemory}


@pytest.fixture(params=OPENERS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteFile | SqliteMemory:
    return OPENERS[request.param](tmp_path)


@pytest.fixture
def fresh(opener: SqliteFile | SqliteMemory) -> Open:
    return opener.open


@pytest.fixture
def share(opener: SqliteFile | SqliteMemory) -> Share:
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
