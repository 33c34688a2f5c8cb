"""Who is measured beside Kiribi on PostgreSQL, how each is run, and who is not installed."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from tests.postgres.server import programs

from benchmarks.bench import Bar
from benchmarks.postgres.oban_side import ObanSide, interpreter
from benchmarks.postgres.sides import Side


def _pgqueuer(batch: int) -> Side:
    from benchmarks.postgres.pgqueuer_side import PgQueuerSide

    return PgQueuerSide(batch)


def _procrastinate() -> Side:
    from benchmarks.postgres.procrastinate_side import ProcrastinateSide

    return ProcrastinateSide()


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is measured.

    Attributes:
        there: is it installed?
        settings: how it was run: the best that its documentation names and that was found here.
        share: of the jobs, so that the slow ones end.
        again: the same peer otherwise, for what depends on how its worker is run.
    """

    make: Callable[[], Side]
    there: Callable[[], bool]
    settings: str
    share: float = 1.0
    again: bool = False


TELL = """
from importlib.metadata import version
from platform import python_version
print(version("oban"), python_version())
"""
_QUEUER = "asyncpg, uvloop, autovacuum as it tunes it; rows deleted, not fenced"
_OBAN = "uvloop, orjson; Python 3.12 or newer; rows kept, fenced"
PEERS: Mapping[str, Peer] = {
    "PgQueuer": Peer(
        lambda: _pgqueuer(500), lambda: _installed("pgqueuer"), f"batch 500; {_QUEUER}"
    ),
    "PgQueuer, batch 50": Peer(
        lambda: _pgqueuer(50),
        lambda: _installed("pgqueuer"),
        f"batch 50; {_QUEUER}",
        again=True,
    ),
    "Oban": Peer(
        lambda: ObanSide(interpreter() or "", 20),
        lambda: interpreter() is not None,
        f"20 at a time, as in its own benchmarks; {_OBAN}",
        0.2,
    ),
    "Oban, 500 at a time": Peer(
        lambda: ObanSide(interpreter() or "", 500),
        lambda: interpreter() is not None,
        f"500 at a time; {_OBAN}",
        again=True,
    ),
    "Procrastinate": Peer(
        _procrastinate,
        lambda: _installed("procrastinate"),
        "concurrency 10, as many connections, psycopg, uvloop, autocommit; rows kept",
        0.1,
    ),
}


def there(*, again: bool = False) -> dict[str, tuple[Peer, Side]]:
    """Those that are installed; `again`: also otherwise."""
    return {
        name: (peer, peer.make())
        for name, peer in PEERS.items()
        if peer.there() and (again or not peer.again)
    }


def left_out() -> list[str]:
    """Who is not installed."""
    return [name for name, peer in PEERS.items() if not peer.there()]


def bars(rates: Mapping[str, Sequence[float]], least: Mapping[str, float]) -> list[Bar]:
    """How many times those of them that are installed must be reached, turn by turn."""
    return [
        Bar(name, least=times, beside=rates[name]) for name, times in least.items() if name in rates
    ]


def versions() -> dict[str, str]:
    """Of the server, and of those that are installed."""
    server = subprocess.run([programs() / "postgres", "-V"], capture_output=True, check=True)
    found = {"postgresql": server.stdout.decode().split()[2]}
    for name in ("asyncpg", "pgqueuer", "procrastinate"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    if python := interpreter():
        told = subprocess.run([python, "-c", TELL], capture_output=True, check=True)
        oban, on = told.stdout.decode().split()
        found["oban"] = f"{oban} (on Python {on})"
    return found
