"""A server at its default settings on a real disk, and a fresh database for each measurement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from tests.postgres.server import Server

from benchmarks.bench import Bench


class Databases:
    """Of a running server; each is gone once it was used."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._number = 0

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of an empty database; what was written before is on disk, and disturbs nobody."""
        self._number += 1
        name = f"bench_{self._number}"
        ask(self._url, f"CREATE DATABASE {name}")
        ask(self._url, "CHECKPOINT")
        try:
            yield self._url.removesuffix("postgres") + name
        finally:
            ask(self._url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def databases(bench: Bench) -> Iterator[Databases]:
    """Databases of a server that runs for one group of measurements."""
    folder = bench.directory
    folder.chmod(0o711)
    open = all(parent.stat().st_mode & 0o001 for parent in folder.parents)
    with Server(bench.fresh(), open=open) as server:
        yield Databases(server.url)


def ask(url: str, sql: str, *parameters: Any) -> tuple[Any, ...]:
    """The first row that a statement answers, if it answers any."""
    with psycopg.connect(url, autocommit=True) as connection:
        answer = connection.execute(sql, parameters or None)
        return (answer.fetchone() or ()) if answer.description else ()
