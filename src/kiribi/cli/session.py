"""What commands share: the database, the application, one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from kiribi.cli.output import note
from kiribi.errors import StoreUnavailable
from kiribi.manager import Kiribi
from kiribi.performer import performers_in

T = TypeVar("T")
DATABASE = "sqlite:///kiribi.db"
DATABASE_VARIABLE = "KIRIBI_DATABASE_URL"

Database = Annotated[
    str,
    typer.Option(
        "--database",
        "-d",
        metavar="URL",
        envvar=DATABASE_VARIABLE,
        help="Where the jobs are, such as sqlite:///jobs.db.",
    ),
]
App = Annotated[
    str | None,
    typer.Option(
        "--app",
        "-a",
        metavar="APP",
        help="The application, a file or module: checks the binding and the payload.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, names as in the REST API.")]


def run(
    command: Callable[[Kiribi], Awaitable[T]],
    database: str,
    app: str | None = None,
    *,
    make: bool = False,
) -> T:
    """Run `command` with a manager on `database`, and with the performers of `app`.

    Raises:
        StoreUnavailable: there is no such file, and `make` doesn't say to make one.
    """

    async def session() -> T:
        async with connected(database, app, make=make) as kiribi:
            return await command(kiribi)

    return asyncio.run(session())


@asynccontextmanager
async def connected(
    database: str, app: str | None = None, *, make: bool = False
) -> AsyncGenerator[Kiribi]:
    """The manager that `run` gives to commands."""
    missing = _missing_file(database)
    if missing is not None and not make:
        raise StoreUnavailable(
            f"database {missing}: there is no such file; name another with --database or "
            f"{DATABASE_VARIABLE}, or make it with `kiribi migrate`"
        )
    async with _manager(database, app) as kiribi:
        if missing is not None:
            note(f"made the database {missing}")
        yield kiribi


def _manager(database: str, app: str | None) -> AbstractAsyncContextManager[Kiribi]:
    if app is None:
        return Kiribi.connect(database)
    from kiribi.application import load

    application = load(app)
    performers = performers_in(application.module).values()
    return application.manager.connect(database, performers=performers)


def _missing_file(database: str) -> Path | None:
    """The file of a SQLite URL if it is not there; a wrong URL is the store's to refuse."""
    path = database.removeprefix("sqlite:///")
    if path in (database, "", ":memory:") or Path(path).exists():
        return None
    return Path(path)
