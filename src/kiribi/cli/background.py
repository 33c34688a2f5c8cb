"""`kiribi actions list|show|abort`, and how a command carries an action out itself."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from kiribi.action import Action, ActionStatus
from kiribi.cli.output import ago, cell, emit, emit_line, note, plain, screen, table
from kiribi.cli.session import DATABASE, Database, Json, run
from kiribi.manager import Kiribi
from kiribi.search import Count, JobFilter
from kiribi.web import wire

ActionId = Annotated[str, typer.Argument(metavar="ID", help="The action's id.")]


def list_actions(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many.")] = 20,
    json: Json = False,
    database: Database = DATABASE,
) -> None:
    """List bulk actions, newest first: who did what to which jobs, and how far it is.

    Examples:
      kiribi actions list
      kiribi actions list --json | jq .who
    """
    found = run(lambda kiribi: kiribi.actions(limit=limit), database)
    if json:
        for one in found:
            emit_line(wire.action_shown(one))
        return
    numbers = ("matched", "done", "skipped", "failed")
    rows = table("id", "begun", "who", "what", "status", *numbers, right=numbers, cut=("who",))
    for one in found:
        counts = (f"{number:,}" for number in (one.matched, one.done, one.skipped, one.failed))
        begun = ago(one.created_ms)
        rows.add_row(one.id, begun, cell(one.who), one.kind, one.status, *counts)
    screen().print(rows if found else "No actions.")


def show(id: ActionId, json: Json = False, database: Database = DATABASE) -> None:
    """Show a bulk action.

    Examples:
      kiribi actions show 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d
    """
    found = run(lambda kiribi: kiribi.action(id), database)
    if json:
        emit(wire.action_shown(found))
        return
    shown = wire.action_shown(found)
    for name, value in shown.items():
        screen().print(plain(f"{name:>10}  {'' if value is None else value}"))


def abort(id: ActionId, database: Database = DATABASE) -> None:
    """End a running bulk action. A step under way is carried out as a whole, or not at all.

    Examples:
      kiribi actions abort 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d
    """
    action = run(lambda kiribi: kiribi.abort(id), database)
    typer.echo(f"aborted after {action.matched:,} jobs")


async def carried_out(kiribi: Kiribi, kind: str, filter: dict[str, Any]) -> tuple[Action, Any]:
    """Begin an action and carry it out here, with a progress bar; and what was done, as JSON.

    Whoever ticks goes on if this process dies. If it is interrupted, the action is aborted.
    """
    from asyncio import CancelledError

    from kiribi._carrier import LEASE_MS, begin, carry_out

    parsed = JobFilter.parse(filter)
    action = await begin(kiribi.store, kind, parsed, whoami(), lease_ms=LEASE_MS)
    told: dict[str, Any] = {"done": [], "skipped": []}
    try:
        with _bar(kind, await kiribi.count(parsed)) as advance:
            async for stepped in carry_out(kiribi.store, action):
                action = stepped.action
                told["done"] += stepped.done
                told["skipped"] += [
                    {"id": id, "reason": str(error)} for id, error in stepped.refused.items()
                ]
                advance(action.matched)
    except CancelledError:
        await kiribi.store.abort_action(action.id)
        note(f"aborted action {action.id}")
        raise
    if action.status is ActionStatus.ABORTED:
        note(f"action {action.id} was aborted")
    return action, {**told, "action": wire.action_shown(action)}


@contextmanager
def _bar(what: str, counted: Count) -> Generator[Callable[[int], None]]:
    """A progress bar on stderr, while there is a terminal to show it on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=counted.value if counted.exact else None)
        yield lambda completed: bar.update(task, completed=completed)


def whoami() -> str:
    """The user of this process, and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"  # a container's user may have no name
    return f"{user}@{socket.gethostname()}"[:200]
