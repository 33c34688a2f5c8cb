"""`kiribi actions list|show|abort`, and how a command carries an action out itself."""

from __future__ import annotations

import getpass
import socket
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from kiribi._carrier import LEASE_MS, Stepped, begin, carry_out
from kiribi.action import Action, ActionStatus
from kiribi.cli.output import ago, cell, emit, emit_line, note, plain, screen, table
from kiribi.cli.remote.manager import RemoteKiribi
from kiribi.cli.session import DATABASE, Json, Where, run
from kiribi.errors import Conflict
from kiribi.manager import Kiribi
from kiribi.search import Count, JobFilter
from kiribi.web import wire

ActionId = Annotated[str, typer.Argument(metavar="ID", help="The action's id.")]


def list_actions(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many.")] = 20,
    json: Json = False,
    database: Where = DATABASE,
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


def show(id: ActionId, json: Json = False, database: Where = DATABASE) -> None:
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


def abort(id: ActionId, database: Where = DATABASE) -> None:
    """End a running bulk action. A step under way is carried out as a whole, or not at all.

    Examples:
      kiribi actions abort 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d
    """
    action = run(lambda kiribi: kiribi.abort(id), database)
    typer.echo(f"aborted after {action.matched:,} jobs")


async def carried_out(kiribi: Kiribi, kind: str, filter: dict[str, Any]) -> tuple[Action, Any]:
    """Begin an action and follow it to its end, with a progress bar; and what was done, as JSON.

    Whoever ticks goes on if this process dies. If it is interrupted, the action is aborted.
    """
    from asyncio import CancelledError, ensure_future, shield

    parsed = JobFilter.parse(filter)
    count = await kiribi.count(parsed)
    steps = _steps(kiribi, kind, parsed)
    beginning = ensure_future(anext(steps))
    done: list[str] = []
    skipped: list[dict[str, str]] = []
    try:
        last = await shield(beginning)
        with _bar(kind, count) as advance:
            async for last in steps:
                done += last.done
                skipped += [{"id": id, "reason": str(why)} for id, why in last.refused.items()]
                advance(last.action.matched)
    except CancelledError:
        last = await beginning  # it may have begun, and we have not heard of it yet
        with suppress(Conflict):  # it has just ended
            await kiribi.abort(last.action.id)
            note(f"aborted action {last.action.id}")
        raise
    if last.action.status is ActionStatus.ABORTED:
        note(f"action {last.action.id} was aborted")
    # a manager elsewhere only counts them
    ids = {} if isinstance(kiribi, RemoteKiribi) else {"done": done, "skipped": skipped}
    return last.action, {**ids, "action": wire.action_shown(last.action)}


async def _steps(kiribi: Kiribi, kind: str, filter: JobFilter) -> AsyncIterator[Stepped]:
    """Begin an action, and carry it out here or watch it elsewhere; each step."""
    if isinstance(kiribi, RemoteKiribi):
        async for action in kiribi.steps(kind, filter):
            yield Stepped(action)
        return
    begun = await begin(kiribi.store, kind, filter, whoami(), lease_ms=LEASE_MS)
    yield Stepped(begun)
    async for stepped in carry_out(kiribi.store, begun):
        yield stepped


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
