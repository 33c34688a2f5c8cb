"""One suite for every store: a new store only adds itself to OPENERS."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.conformance.world import Clock, World

from kiribi.ports import Store
from kiribi.stores import open_store

Open = Callable[..., Awaitable[Store]]


def sqlite_file(folder: Path) -> Open:
    number = 0

    async def open(clock: Clock | None = None) -> Store:
        nonlocal number
        number += 1
        return (await open_store(f"sqlite:///{folder}/{number}.db", clock=clock))[0]

    return open


def sqlite_memory(_: Path) -> Open:
    async def open(clock: Clock | None = None) -> Store:
        return (await open_store("sqlite://", clock=clock))[0]

    return open


OPENERS = {"sqlite-file": sqlite_file, "sqlite-memory": sqlite_memory}


@pytest.fixture(params=OPENERS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens an empty store, each time another."""
    return OPENERS[request.param](tmp_path)


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
