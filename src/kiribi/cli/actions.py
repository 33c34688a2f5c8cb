"""`kiribi jobs cancel|retry|run-now|delete`: on ids, or on all that a filter matches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from kiribi._actions import Acted
from kiribi.action import Action as Begun
from kiribi.cli import filters
from kiribi.cli.background import carried_out, whoami
from kiribi.cli.output import emit, note
from kiribi.cli.session import DATABASE, Json, Where, run
from kiribi.errors import InvalidInput
from kiribi.job import OPEN, WAITING, JobStatus
from kiribi.manager import Kiribi
from kiribi.web.wire import action_shown

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Jobs by id.")]
Background = Annotated[
    bool, typer.Option("--background", help="By a filter: leave it to whoever ticks.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before acting by a filter.")]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do to many jobs.

    Attributes:
        statuses: what a filter without a status means.
    """

    name: str
    past: str
    statuses: Sequence[JobStatus]
    help: str


def _in_order(statuses: frozenset[JobStatus]) -> list[JobStatus]:
    return [status for status in JobStatus if status in statuses]


ACTIONS = (
    Action(
        "cancel",
        "cancelled",
        _in_order(OPEN),
        "Cancel jobs; running ones are asked to stop.",
    ),
    Action(
        "retry",
        "retried",
        [JobStatus.FAILED, JobStatus.CANCELLED],
        "Run ended jobs again, counting from zero; their history stays.",
    ),
    Action(
        "run-now",
        "made due",
        _in_order(WAITING),
        "Make waiting jobs due at once.",
    ),
    Action(
        "delete",
        "deleted",
        _in_order(frozenset(JobStatus) - {JobStatus.PROCESSING}),
        "Delete jobs with all that belongs to them, except running ones.",
    ),
)


def command(action: Action) -> Callable[..., None]:
    """The command that carries `action` out."""

    def act(
        ids: Ids = None,
        binding: filters.Bindings = None,
        status: filters.Statuses = None,
        error: filters.Error = None,
        payload: filters.Payload = None,
        since: filters.Since = None,
        until: filters.Until = None,
        fingerprint: filters.Fingerprint = None,
        reason: filters.Reason = None,
        yes: Yes = False,
        background: Background = False,
        json: Json = False,
        database: Where = DATABASE,
    ) -> None:
        chosen = filters.parse(binding, status, error, payload, since, until, fingerprint, reason)
        if bool(ids) == bool(chosen):
            raise InvalidInput("ID", ids or [], "give either ids, or a filter such as --binding")
        if chosen:
            chosen.setdefault("status", [str(status) for status in action.statuses])

        if background and ids:
            raise InvalidInput("--background", True, "give it with a filter")
        kind = action.name.replace("-", "_")

        async def by_id(kiribi: Kiribi) -> Acted:
            return await getattr(kiribi, kind)(ids)

        async def by_filter(kiribi: Kiribi) -> tuple[Begun, Any]:
            if not yes:
                await _confirm(kiribi, action, chosen)
            if background:
                begun = await kiribi.start_action(kind, chosen, who=whoami())
                return begun, action_shown(begun)
            return await carried_out(kiribi, kind, chosen)

        if ids:
            _report(run(by_id, database), action, json=json)
            return
        begun, told = run(by_filter, database)
        if json:
            emit(told)
        elif background:
            typer.echo(begun.id)
        else:
            typer.echo(f"{action.past}: {begun.done:,}")
            if begun.skipped + begun.failed:
                note(f"skipped: {begun.skipped + begun.failed:,}, such as: {begun.reason}")

    usual = ", ".join(action.statuses)
    act.__doc__ = f"""{action.help}

    Give ids, or a filter; without --status it means {usual}.
    By a filter, it asks first (--yes does not), is recorded (`kiribi actions list`) and goes on
    in steps; Ctrl-C aborts it. --background prints the action's id and leaves it to the workers.

    Examples:
      kiribi jobs {action.name} 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d
      kiribi jobs {action.name} --binding SEND_MAIL --since 2h --yes
      kiribi jobs {action.name} --binding SEND_MAIL --yes --background
    """
    return act


async def _confirm(kiribi: Kiribi, action: Action, chosen: dict[str, Any]) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput("--yes", False, "give it where there is no terminal to ask on")
    count = await kiribi.count(chosen)
    number = f"{count.value:,}" if count.exact else f"over {count.value:,}"
    typer.confirm(f"{action.name} {number} job(s)?", abort=True, err=True)


def _report(acted: Acted, action: Action, *, json: bool) -> None:
    if json:
        skipped = [{"id": id, "reason": reason} for id, reason in acted.skipped]
        emit({"done": acted.done, "skipped": skipped})
    elif acted.done:
        typer.echo(f"{action.past}: {len(acted.done):,}")
    for _, reason in acted.skipped:
        note(f"error: {reason}")
    if acted.skipped:
        raise typer.Exit(1)
