"""`kiribi recover|sweep|migrate|version`."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from kiribi import search
from kiribi._version import __version__
from kiribi.cli import values
from kiribi.cli.output import emit, note
from kiribi.cli.remote.manager import RemoteKiribi
from kiribi.cli.session import (
    DATABASE,
    NEEDED,
    Database,
    Json,
    Where,
    is_remote,
    missing_file,
    run,
)
from kiribi.errors import InvalidInput
from kiribi.job import JobStatus
from kiribi.manager import Kiribi
from kiribi.stores import without_password


def recover(
    id: Annotated[str | None, typer.Argument(help="Only this job.")] = None,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Take back what lost workers held, now, and ring for what is due.

    Workers do this by themselves each second.

    Examples:
      kiribi recover
      kiribi recover 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d
    """
    number = run(lambda kiribi: _recover(kiribi, id), database)
    if json:
        emit({"count": number})
    else:
        typer.echo(f"recovered: {number:,}")


async def _recover(kiribi: Kiribi, id: str | None) -> int:
    if isinstance(kiribi, RemoteKiribi):
        return await kiribi.recovered(id)
    return len(await kiribi.recover(id))


def sweep(
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Only jobs enqueued longer ago.")
    ] = "7d",
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            "-s",
            metavar="STATUS",
            help="Only in this status (repeatable).",
            show_default="COMPLETED, CANCELLED",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Delete old jobs that have ended.

    Examples:
      kiribi sweep --dry-run
      kiribi sweep --older-than 30d --status FAILED
    """
    age = values.seconds("--older-than", older_than)
    named = [one.upper() for one in status or ("COMPLETED", "CANCELLED")]
    statuses = search.statuses("--status", named)
    swept = run(lambda kiribi: _sweep(kiribi, age, statuses, dry_run=dry_run), database)
    if json:
        emit({"count": swept})
    else:
        typer.echo(f"{'to delete' if dry_run else 'deleted'}: {swept:,}")


async def _sweep(
    kiribi: Kiribi, age: float, statuses: Sequence[JobStatus], *, dry_run: bool
) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    steps = kiribi.sweep_steps(age, statuses, dry_run=dry_run)
    before = datetime.now(UTC) - timedelta(seconds=age)
    count = await kiribi.count({"status": [*statuses], "created_before": before})
    swept = 0
    bar = Progress(
        TextColumn("sweeping"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)
    )
    with bar:
        task = bar.add_task("", total=count.value if count.exact else None)
        async for number in steps:
            swept += number
            bar.update(task, completed=swept)
    return swept


def migrate(database: Database = DATABASE) -> None:
    """Bring the database to this version's schema; make it if it is not there.

    Workers do this when they start. On PostgreSQL it is done by one at a time, and workers of the
    version before go on meanwhile.

    Examples:
      kiribi migrate --database sqlite:///jobs.db
      kiribi migrate --database postgresql://kiribi@db.example.org/shop?schema=mails
    """
    from kiribi.stores import migrate

    if is_remote(database):
        raise InvalidInput("database", without_password(database), NEEDED)
    missing = missing_file(database)
    number = asyncio.run(migrate(database))
    if missing is not None:
        note(f"made the database {missing}")
    if number:
        typer.echo(f"migrated: {number} {'migration' if number == 1 else 'migrations'}")
    else:
        typer.echo("up to date")


def version(json: Json = False, database: Database = DATABASE) -> None:
    """Print the version, and which database the other commands would use.

    Examples:
      kiribi version
    """
    shown = without_password(database)
    if json:
        python = platform.python_version()
        emit({"kiribi": __version__, "python": python, "database": shown})
    else:
        typer.echo(f"kiribi {__version__} (Python {platform.python_version()})")
        typer.echo(f"database {shown}")
