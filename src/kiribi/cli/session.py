"""What commands share: where the jobs are, the application, one event loop."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from kiribi.cli.output import note
from kiribi.errors import InvalidInput, StoreUnavailable
from kiribi.manager import Kiribi
from kiribi.performer import performers_in
from kiribi.stores import without_password

T = TypeVar("T")
DATABASE = "sqlite:///kiribi.db"
NEEDED = "this command needs the database itself, such as sqlite:///jobs.db"
DATABASE_VARIABLE = "KIRIBI_DATABASE_URL"
URL_VARIABLE = "KIRIBI_URL"
TOKEN_VARIABLE = "KIRIBI_TOKEN"  # noqa: S105 # the name of a variable

Database = Annotated[
    str,
    typer.Option(
        "--database",
        "-d",
        metavar="URL",
        envvar=DATABASE_VARIABLE,
        help="Where the jobs are: sqlite:///jobs.db, or postgresql://user@host/database.",
    ),
]
Where = Annotated[
    str,
    typer.Option(
        "--database",
        "-d",
        "--url",
        metavar="URL",
        envvar=[URL_VARIABLE, DATABASE_VARIABLE],
        help="Where the jobs are: sqlite:///jobs.db, postgresql://user@host/database, or the "
        "https:// address of a manager.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", envvar=TOKEN_VARIABLE, help="What a manager at --url asks for."
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

    Where `database` is the address of a manager, with that one, by REST.

    Raises:
        StoreUnavailable: there is no such file, and `make` doesn't say to make one.
        InvalidInput: `app` is given, and the manager is elsewhere.
    """

    async def session() -> T:
        if is_remote(database):
            from kiribi.cli.remote.client import Client
            from kiribi.cli.remote.manager import RemoteKiribi

            if app is not None:
                allowed = "leave it out with --url: the manager there checks by its own"
                raise InvalidInput("--app", app, allowed)
            return await command(RemoteKiribi(Client(database, _token.get())))
        async with connected(database, app, make=make) as kiribi:
            return await command(kiribi)

    return asyncio.run(session())


@asynccontextmanager
async def connected(
    database: str, app: str | None = None, *, make: bool = False
) -> AsyncGenerator[Kiribi]:
    """A manager on a database.

    Raises:
        InvalidInput: `database` is the address of a manager.
        StoreUnavailable: as `run`.
    """
    if is_remote(database):
        raise InvalidInput("database", without_password(database), NEEDED)
    missing = missing_file(database)
    if missing is not None and not make:
        raise StoreUnavailable(
            f"database {missing}: there is no such file; name another with --database or "
            f"{DATABASE_VARIABLE}, or make it with `kiribi migrate`"
        )
    async with _manager(database, app) as kiribi:
        if missing is not None:
            note(f"made the database {missing}")
        yield kiribi


_token: ContextVar[str | None] = ContextVar("token", default=None)


def may_be_remote(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with --token, if it takes `Where`: `run` presents it to a manager elsewhere."""
    signature = inspect.signature(command, eval_str=True)
    if all(one.annotation != Where for one in signature.parameters.values()):
        return command

    @functools.wraps(command)
    def told(*, token: str | None, **given: Any) -> None:
        _token.set(token)
        command(**given)

    token = inspect.Parameter("token", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = [*signature.parameters.values(), token.replace(annotation=Token)]
    told.__dict__["__signature__"] = signature.replace(parameters=parameters)
    return told


def is_remote(database: str) -> bool:
    """Whether a database is the address of a manager."""
    return database.lower().startswith(("http://", "https://"))


def _manager(database: str, app: str | None) -> AbstractAsyncContextManager[Kiribi]:
    if app is None:
        return Kiribi.connect(database)
    from kiribi.application import load

    application = load(app)
    performers = performers_in(application.module).values()
    return application.manager.connect(database, performers=performers)


def missing_file(database: str) -> Path | None:
    """The file of a SQLite URL if it is not there; a wrong URL is the store's to refuse."""
    path = database.removeprefix("sqlite:///")
    if path in (database, "", ":memory:") or Path(path).exists():
        return None
    return Path(path)
