"""A real server for all tests here, and a loop for those that are `async def`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator

import pytest
from tests.postgres.server import QUICK, served


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of a server that runs for all tests."""
    with served(tmp_path_factory.mktemp("postgres"), *QUICK) as url:
        yield url


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests in the loop of the fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    runner: asyncio.Runner = pyfuncitem._request.getfixturevalue("runner")
    runner.run(pyfuncitem.obj(**arguments))
    return True
