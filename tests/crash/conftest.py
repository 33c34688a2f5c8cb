"""What is killed here is killed on PostgreSQL, too, where that makes a difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres.databases import database as fresh
from tests.postgres.server import QUICK, served

ON_BOTH = {
    "test_deaths": None,
    "test_leases": {"test_what_blocks_its_process_is_not_run_twice"},
    "test_shutdown": {
        "test_work_may_finish",
        "test_what_does_not_finish_is_handed_back",
        "test_a_second_signal_ends_at_once",
    },
    "test_supervisor": {
        "test_restart_serves_the_new_code_and_lets_the_old_finish",
        "test_restart_hands_back_what_does_not_finish",
        "test_a_child_whose_lease_may_be_lost_is_killed_in_time",
    },
    "test_chaos": None,
    "test_crowd": None,
    "test_points": None,
}
"""Tests by module; None: all. What is left out is about SQLite's file, or about no database."""
LONG = {"test_what_does_not_finish_is_handed_back"}
"""Of these, only one database in the short form."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    name = metafunc.definition.path.stem
    chosen = ON_BOTH.get(name, set())
    if chosen is None or metafunc.function.__name__ in chosen:
        marks = [pytest.mark.long] if metafunc.function.__name__ in LONG else []
        both = ["sqlite", pytest.param("postgres", marks=marks)]
        metafunc.parametrize("database", both, indirect=True)
    elif name == "test_clocks":
        metafunc.parametrize("database", ["postgres"], indirect=True)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that runs for all tests; none of them kills it."""
    with served(tmp_path_factory.mktemp("postgres"), *QUICK, "max_connections=500") as url:
        yield url


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Where the jobs of a test are: see `database_of`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield
        return
    with fresh(request.getfixturevalue("postgres_server")) as url:
        (tmp_path / "database").write_text(url)
        yield
