"""Servers for the cases of the REST API: in this process on SQLite, and in workerd on D1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from tests.integration.rest_world import Served
from tests.postgres.databases import database
from tests.postgres.server import QUICK, served
from tests.workers.require import require
from tests.workers.rest import rest_worker

Serve = Callable[..., Served]

STREAMS = "Workers have no event streams: the dashboard asks for the pulse"
ASSETS = "pages are Static Assets there: tests/dashboard/test_cloudflare.py"
LEFT_OUT: Mapping[str, str] = {
    "test_me": "it says that there are no events",
    "test_events_push_the_pulse_when_it_changes": STREAMS,
    "test_a_change_made_before_the_look_it_was_missed_by_is_not_lost": STREAMS,
    "test_a_silent_stream_shows_that_it_lives": STREAMS,
    "test_a_stream_ends_when_its_client_leaves_and_the_others_go_on": STREAMS,
    "test_the_server_stops_gracefully_with_streams_open": STREAMS,
    "test_a_session_ends_by_itself": "it turns the clock of this process",
    "test_the_cookie_is_secure_behind_tls": "no proxy speaks for the client there",
    "test_pages_are_shown_to_everybody": ASSETS,
    "test_every_answer_is_hardened": ASSETS,
    "test_origins_of_writes[workerd-headers11-False]": "an empty header does not get there",
    "test_hosts": "Cloudflare routes by the name: every one is ours",
}
"""Cases that cannot apply to Workers, and why; by name, or by name and parameters."""


LEFT = pytest.StashKey[Counter[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot apply. Not by skipping: that says that a machine lacks something."""
    reasons = {item: _left_out(item) for item in items}
    config.stash[LEFT] = Counter(reason for reason in reasons.values() if reason)
    items[:] = [item for item in items if not reasons[item]]
    config.hook.pytest_deselected(items=[item for item in reasons if reasons[item]])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was left out, and why."""
    for reason, number in config.stash.get(LEFT, Counter()).items():
        terminalreporter.write_line(f"NOT ON WORKERS [{number}] {reason}")


def _left_out(item: pytest.Item) -> str | None:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    if item.callspec.params.get("serve") != "workerd":
        return None
    return LEFT_OUT.get(item.originalname) or LEFT_OUT.get(item.name)


@pytest.fixture(scope="session", params=["here", "workerd"])
def serve(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serve]:
    """Starts servers, with the arguments of `Served`."""
    if request.param == "here":
        yield Served
        return
    require()
    with rest_worker(tmp_path_factory.mktemp("rest")) as elsewhere:
        yield elsewhere


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of a server that runs for all tests."""
    with served(tmp_path_factory.mktemp("postgres"), *QUICK) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A database of the test's own."""
    with database(postgres_server) as url:
        yield url
