"""`kiribi dev|worker|serve`: what runs until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer

from kiribi._version import __version__
from kiribi.cli import values
from kiribi.cli.session import DATABASE, DATABASE_VARIABLE, Database, connected
from kiribi.cli.session import TOKEN_VARIABLE as TOKEN
from kiribi.errors import InvalidInput
from kiribi.stores import without_password

DEMO = "kiribi.demo"
DEMO_DATABASE = "sqlite:///kiribi-demo.db"

Host = Annotated[
    str, typer.Option(help=f"The address to listen on; a public one needs {TOKEN} to be set.")
]
Port = Annotated[
    str | None,
    typer.Option(metavar="N", help="The port; it must be free.", show_default="8787 or a free one"),
]
App = Annotated[str, typer.Argument(help="A file or module: app.py, app.py:Default, pkg.mod.")]


def _port(option: str, text: str) -> int:
    port = values.whole(option, text)
    if not 0 <= port <= 65_535:
        raise InvalidInput(option, port, "give a port from 1 to 65535, or 0 for any free one")
    return port


def _announced(database: str) -> Callable[[str], None]:
    def announce(url: str) -> None:
        typer.echo(f"Kiribi {__version__} on {without_password(database)}")
        typer.echo(f"  Dashboard  {url}")
        typer.echo(f"  REST API   {url}api/openapi.json")
        sys.stdout.flush()

    return announce


def dev(
    app: Annotated[
        str | None, typer.Argument(help="A file or module; without it, the built-in demo.")
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    traffic: Annotated[
        bool, typer.Option("--traffic/--no-traffic", help="Keep the demo's jobs flowing.")
    ] = True,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            "-d",
            metavar="URL",
            help="Where the jobs are: sqlite:///jobs.db, or postgresql://user@host/database; "
            f"the demo keeps away from {DATABASE_VARIABLE}.",
            show_default=f"{DATABASE_VARIABLE}, then {DATABASE}; {DEMO_DATABASE} for the demo",
        ),
    ] = None,
) -> None:
    """Run worker, REST API and dashboard in one go; the worker reloads on save.

    Examples:
      kiribi dev
      kiribi dev app.py
      kiribi dev shop.jobs:Default --port 9000
      kiribi dev app.py --database postgresql://localhost/shop
    """
    from kiribi.runtimes.dev import Site
    from kiribi.runtimes.dev import dev as run_dev

    url = database or (os.environ.get(DATABASE_VARIABLE, DATABASE) if app else DEMO_DATABASE)
    site = Site(host, values.given(_port, "--port", port), os.environ.get(TOKEN), _announced(url))
    jobs = None
    if app is None and traffic:
        from kiribi import demo

        jobs = demo.traffic()
    asyncio.run(run_dev(app or DEMO, url, site, traffic=jobs))


def worker(
    context: typer.Context,
    app: App,
    processes: Annotated[str, typer.Option(metavar="N", help="Worker processes.")] = "1",
    concurrency: Annotated[
        str, typer.Option(metavar="N", help="Coroutines at a time in each process.")
    ] = "100",
    bindings: Annotated[
        list[str] | None,
        typer.Option("--bindings", "-b", help="Serve only these (repeatable, or a,b)."),
    ] = None,
    grace: Annotated[
        str, typer.Option(metavar="DURATION", help="How long jobs may finish at shutdown.")
    ] = "30s",
    database: Database = DATABASE,
) -> None:
    """Perform jobs until SIGTERM or Ctrl-C; a second one ends at once.

    What does not finish within --grace is handed back: no attempt is spent.

    Examples:
      kiribi worker app.py
      kiribi worker app.py --processes 4 --concurrency 50
      kiribi worker shop.jobs --bindings SEND_MAIL,REPORT --database sqlite:////var/lib/jobs.db
      KIRIBI_DATABASE_URL=postgresql://kiribi@db.example.org/shop kiribi worker app.py
    """
    orders: dict[str, Any] = {
        "processes": values.whole("--processes", processes),
        "concurrency": values.whole("--concurrency", concurrency),
        "bindings": [name for given in bindings or () for name in given.split(",")] or None,
        "grace": values.seconds("--grace", grace),
    }
    if context.obj:
        from kiribi.runtimes.supervise import become

        become(app, database, **orders)
    from kiribi.runtimes.supervisor import run

    raise typer.Exit(run(app, database, **orders))


def serve(
    app: Annotated[str | None, typer.Argument(help="The application, for its `redact`.")] = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show, but act on nothing.")] = (
        False
    ),
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name browsers may ask by (repeatable)."),
    ] = None,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Where a proxy publishes it.", show_default="/")
    ] = "",
    database: Database = DATABASE,
) -> None:
    """Serve the REST API and the dashboard, without a worker, until Ctrl-C.

    Examples:
      kiribi serve
      kiribi serve app.py --port 9000 --read-only
      KIRIBI_TOKEN=... kiribi serve --host 0.0.0.0 --allow-host jobs.example.org
    """
    from kiribi._carrier import keep_carrying
    from kiribi.runtimes.logs import log_to_stderr
    from kiribi.web import server

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with connected(database, app, make=True) as kiribi, AsyncExitStack() as stack:
            if not read_only:
                acting = asyncio.create_task(keep_carrying(kiribi.store, kiribi.queue))
                stack.callback(acting.cancel)
            await server.serve(
                kiribi,
                host=host,
                port=values.given(_port, "--port", port),
                token=os.environ.get(TOKEN),
                read_only=read_only,
                allowed_hosts=allow_host or (),
                root_path=root_path,
                announce=_announced(database),
                stop=stop,
            )

    log_to_stderr()
    asyncio.run(run())
