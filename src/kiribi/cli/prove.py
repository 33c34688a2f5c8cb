"""`kiribi prove`."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from kiribi.cli import values
from kiribi.cli.output import emit, note, screen, table
from kiribi.cli.session import DATABASE, Database, Json
from kiribi.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from kiribi.prove.account import Account
    from kiribi.prove.plan import Plan
    from kiribi.prove.trial import Progress

SHORTEST, LONGEST = 5, 7 * 86_400
SEEDS = 2**32


def prove(
    seconds: Annotated[
        str, typer.Option(metavar="DURATION", help="How long processes are being hurt.")
    ] = "60s",
    seed: Annotated[
        str | None,
        typer.Option(metavar="N", help="Who is hurt, when and how.", show_default="a new one"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the scratch database, its journal and its logs.")
    ] = False,
    json: Json = False,
    database: Database = DATABASE,
) -> None:
    """Try the promise on this machine: kill, stop and restart real processes; make the account.

    Works on a scratch database beside yours, which is not touched: a file, or on PostgreSQL a
    schema, and there it cuts connections, too. Enqueuers and performers note in a file what they
    did; in the end the store has to agree with it. Exit code 1: it does not, and what was found is
    kept, but for the schema. The time it takes to come to rest and to compare is added.

    Examples:
      kiribi prove
      kiribi prove --database postgresql://localhost/shop --seconds 5m
      kiribi prove --database sqlite:////var/lib/jobs.db --seconds 1h
      kiribi prove --seconds 30 --seed 4711 --json
    """
    from kiribi.prove.plan import Plan
    from kiribi.prove.scratch import scratch

    long = values.seconds("--seconds", seconds)
    if not SHORTEST <= long <= LONGEST:
        raise InvalidInput("--seconds", seconds, f"give {SHORTEST}s to 7d")
    number = values.given(values.whole, "--seed", seed)
    if number is None:
        number = secrets.randbelow(SEEDS)
    with scratch(database) as place:
        place.keep = place.keep_schema = keep
        plan = Plan(
            place.database,
            str(place.folder),
            long,
            number,
            name=place.name,
            ahead_ns=place.ahead_ns,
            unsure_ns=place.unsure_ns,
        )
        if not json:
            note(f"seed {number}")
        account = _run(plan, quiet=json)
        place.keep = keep or not account.passed
        if json:
            emit(account.to_json())
        else:
            screen().print(_drawn(account))
        if place.keep:
            schema = f", schema {place.schema}" if place.schema and place.keep_schema else ""
            note(f"kept: {place.folder}{schema}")
        if not account.passed:
            raise typer.Exit(1)


def _run(plan: Plan, *, quiet: bool) -> Account:
    from kiribi.prove.trial import Trial

    async def until_signalled(watch: Callable[[Progress], None]) -> Account:
        trial = asyncio.ensure_future(Trial(plan, watch).run())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, trial.cancel)
        return await trial

    with _display(quiet=quiet) as live:

        def watch(progress: Progress) -> None:
            if live is not None:
                live.update(_shown(progress, plan), refresh=True)

        try:
            return asyncio.run(until_signalled(watch))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


def _display(*, quiet: bool) -> AbstractContextManager[Live | None]:
    if quiet or not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False, emoji=False)
    return Live(console=console, auto_refresh=False, transient=True)


def _shown(progress: Progress, plan: Plan) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar

    counts = progress.counts
    told = table("", "", right=("",))
    told.add_row("accepted", f"{counts['accepted']:,}")
    told.add_row("attempts begun", f"{counts['start']:,}")
    told.add_row("attempts ended", f"{counts['end']:,}")
    for act, number in sorted(progress.acts.items()):
        told.add_row(f"[dim]{act}[/]", f"{number:,}")
    head = f"{progress.doing}, {progress.seconds:.0f} of {plan.seconds:g} s, seed {plan.seed}"
    return Group(head, ProgressBar(plan.seconds, progress.seconds, width=40), told)


def _drawn(account: Account) -> RenderableType:
    from rich.console import Group

    from kiribi.cli.output import plain
    from kiribi.prove.account import RULES

    told = table("", "", right=("",))
    for name, figure in _figures(account).items():
        told.add_row(name, figure)
    verdict = "[green]The promise held.[/]" if account.passed else "[red]The promise was broken.[/]"
    findings = [
        plain(f"{RULES[rule]}: broken {number:,} times\n  " + "\n  ".join(account.examples[rule]))
        for rule, number in account.findings.items()
    ]
    return Group(told, *findings, verdict)


def _figures(account: Account) -> Mapping[str, str]:
    wait = account.wait_p99
    return {
        "accepted": f"{account.accepted:,}",
        "recurring": f"{account.recurring:,}",
        "completed": f"{account.completed:,}",
        "failed": f"{account.failed:,}",
        "cancelled": f"{account.cancelled:,}",
        "run more than once": f"{account.again:,}",
        "lost": f"{account.lost:,}",
        "outcomes refused by the fence": f"{account.refused:,}",
        f"slowest rescue, leases of {account.lease_ms / 1000:g} s": (
            f"{account.slowest_rescue:.1f} s"
        ),
        "wait, 99 of 100": "" if wait is None else f"{wait:.2f} s",
        **{act: f"{number:,}" for act, number in sorted(account.acts.items())},
    }
