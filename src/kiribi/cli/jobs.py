"""`kiribi jobs list|show|logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kiribi.cli import filters, shapes, values
from kiribi.cli.output import (
    age,
    ago,
    cell,
    emit,
    emit_line,
    local,
    note,
    plain,
    pretty,
    printable,
    screen,
    shown_status,
    span,
    table,
)
from kiribi.cli.session import DATABASE, Json, Where, run
from kiribi.cli.watch import watch as follow
from kiribi.errors import JobNotFound
from kiribi.job import Job, JobStatus
from kiribi.manager import Kiribi
from kiribi.search import Page
from kiribi.unique import KeyHeld
from kiribi.web import wire

if TYPE_CHECKING:
    from rich.console import RenderableType

Id = Annotated[str, typer.Argument(help="The job's id.")]
Whole = tuple[Job, KeyHeld | None]
"""A job and its unique key."""
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow changes until Ctrl-C.")]


def list_jobs(
    binding: filters.Bindings = None,
    status: filters.Statuses = None,
    error: filters.Error = None,
    payload: filters.Payload = None,
    since: filters.Since = None,
    until: filters.Until = None,
    fingerprint: filters.Fingerprint = None,
    reason: filters.Reason = None,
    limit: Annotated[
        str, typer.Option("--limit", "-n", metavar="N", help="Jobs on a page, up to 1,000.")
    ] = "20",
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="Only older ones than this: the next page.")
    ] = None,
    watch: Watch = False,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """List jobs, newest first; with --json one a line.

    Examples:
      kiribi jobs list --status FAILED --since 2h
      kiribi jobs list -b SEND_MAIL --payload user.id=42 --json
      kiribi jobs list --watch
    """
    chosen = filters.parse(binding, status, error, payload, since, until, fingerprint, reason)
    size = values.whole("--limit", limit)
    start = values.given(values.id, "--before", before)
    seen: dict[str, Job] = {}

    async def look(kiribi: Kiribi) -> Page:
        return await kiribi.find_many(chosen, before=start, limit=size)

    def tell(page: Page) -> None:
        if json:
            for job in page.jobs if not watch else reversed(page.jobs):
                if seen.get(job.id) != job:
                    emit_line(shapes.listed(job))
        seen.update({job.id: job for job in page.jobs})

    if watch:
        follow(database, look, tell, None if json else _rows)
        return
    page = run(look, database)
    tell(page)
    if not json:
        screen().print(_rows(page) if page.jobs else "No jobs.")
    if page.next is not None:
        if len(page.jobs) < size:
            note(f"Looked back to {local(page.looked_back_to_ms)} only.")
        note(f"There may be more: --before {page.next}")


def show(id: Id, watch: Watch = False, json: Json = False, database: Where = DATABASE) -> None:
    """Show a job: payload, attempts, result, errors. --watch follows it to its end.

    Examples:
      kiribi jobs show 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d --watch
      kiribi jobs show 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d --json | jq .returnValue
    """
    last: list[Whole] = []

    async def look(kiribi: Kiribi) -> Whole:
        job = await kiribi.find(id)
        if job is None:
            raise JobNotFound(id)
        return job, await kiribi.unique_key(id)

    def tell(whole: Whole) -> None:
        if json and last != [whole]:
            emit_line(shapes.whole(*whole))
        last[:] = [whole]

    if watch:
        follow(database, look, tell, None if json else _details, lambda one: one[0].status.is_final)
        return
    whole = run(look, database)
    if json:
        emit(shapes.whole(*whole))
    else:
        screen().print(_details(whole))


def logs(
    id: Id,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Follow the log to the job's end.")
    ] = False,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Print what a job has logged; with --json one line of JSON a line.

    Examples:
      kiribi jobs logs 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d --watch
    """
    last = 0

    async def look(kiribi: Kiribi) -> Job:
        nonlocal last
        job = await kiribi.find(id)
        if job is None:
            raise JobNotFound(id)
        while lines := await kiribi.logs(id, after=last):
            for last, line in lines:
                if json:
                    emit_line(wire.line_shown(last, line))
                else:
                    at = f"{local(line.at_ms)}  {line.attempt}  {line.level:<7}"
                    typer.echo(f"{at}  {printable(line.message)}")
        return job

    if watch:
        follow(database, look, lambda _: None, over=lambda job: job.status.is_final)
    else:
        run(look, database)


def _rows(page: Page) -> RenderableType:
    rows = table("id", "binding", "status", "runs", "age", "", right=("runs", "age"), cut=("",))
    for job in page.jobs:
        rows.add_row(
            job.id,
            cell(job.binding),
            shown_status(job.status),
            str(job.attempts),
            age(job.created_ms),
            cell(_remark(job)),
        )
    return rows


def _remark(job: Job) -> str:
    """The one thing to say of a job in a list."""
    if job.status is JobStatus.COMPLETED:
        return span(job.processing_ms)
    if job.progress is not None and not job.status.is_final:
        return "{:.0%} {}".format(*job.progress)
    return f"{job.error.type}: {job.error.message}" if job.error else ""


def _details(whole: Whole) -> RenderableType:
    from rich.console import Group
    from rich.table import Table

    job, unique = whole
    facts = Table.grid(padding=(0, 2))
    options = ", ".join(f"{name}={value}" for name, value in job.options.items())
    for name, value in (
        ("id", job.id),
        ("binding", plain(job.binding)),
        ("status", shown_status(job.status)),
        ("attempts", f"{job.attempts} ({job.failures} failures, {job.crashes} crashes)"),
        ("reason", job.reason if job.reason == "crashed" else ""),
        ("origin", plain(job.error.origin if job.error else "")),
        ("options", plain(options)),
        ("unique", plain(_held(job, unique) if unique else "")),
        ("enqueued", f"{local(job.created_ms)} ({ago(job.created_ms)})"),
        ("due", "" if job.status.is_final else f"{local(job.due_ms)} ({ago(job.due_ms)})"),
        ("started", local(job.started_ms)),
        ("finished", local(job.finished_ms)),
        ("took", span(job.processing_ms)),
        ("worker", job.worker or ""),
        ("progress", plain("{:.0%} {}".format(*job.progress) if job.progress else "")),
        ("payload", pretty(job.payload)),
        ("result", pretty(job.result) if job.status is JobStatus.COMPLETED else ""),
    ):
        if value:
            facts.add_row(f"[bold]{name}[/]", value)
    parts: list[RenderableType] = [facts]
    if job.history:
        parts += ["", _attempts(job)]
    if job.error and job.error.traceback:
        parts += ["", plain(job.error.traceback)]
    return Group(*parts)


def _held(job: Job, unique: KeyHeld) -> str:
    """Its unique key, and who holds it."""
    key = unique.key or "a hidden key"
    if unique.holder is None:
        return f"{key}, which nobody holds"
    whose = "it" if unique.holder == job.id else f"job {unique.holder}"
    until = "" if unique.held_until_ms is None else f", until {local(unique.held_until_ms)} at most"
    return f"{key}, which {whose} holds{until}"


def _attempts(job: Job) -> RenderableType:
    rows = table(
        "attempt", "outcome", "started", "took", "error", right=("attempt",), cut=("error",)
    )
    for attempt in job.history:
        error = attempt.error
        rows.add_row(
            str(attempt.number),
            attempt.outcome,
            local(attempt.started_ms),
            span(attempt.finished_ms - attempt.started_ms),
            cell(f"{error.type}: {error.message}" if error else ""),
        )
    return rows
