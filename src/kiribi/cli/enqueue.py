"""`kiribi enqueue`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kiribi.cli import job_options, values
from kiribi.cli.job_options import Attempts, Binding, Key, Payload, Priority, RetryDelay, Timeout
from kiribi.cli.output import emit, note
from kiribi.cli.session import DATABASE, App, Json, Where, run
from kiribi.cli.shapes import detailed
from kiribi.errors import InvalidInput
from kiribi.manager import Kiribi
from kiribi.options import Options


def enqueue(
    binding: Binding,
    payload: Payload = None,
    max_attempts: Attempts = None,
    first_delay: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Wait before the first run.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Run first at this time (ISO 8601).")
    ] = None,
    retry_delay: RetryDelay = None,
    timeout: Timeout = None,
    priority: Priority = None,
    after: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Wait until this job has completed (repeatable)."),
    ] = None,
    after_failed: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="If it ends otherwise: cancel (default), run or wait."),
    ] = None,
    concurrency_key: Key = None,
    unique: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help="No second with the same: payload, payload.user_id… (repeatable).",
        ),
    ] = None,
    unique_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="No second with this key, and those fields.")
    ] = None,
    unique_states: Annotated[
        list[str] | None,
        typer.Option(metavar="STATUS", help="While it is one of these (repeatable, or a,b)."),
    ] = None,
    unique_within: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Since the first was enqueued.")
    ] = None,
    on_conflict: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="return (default), raise, replace or reschedule."),
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", help="A UUIDv7 that makes this call repeatable.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the result and print it as JSON.")
    ] = False,
    app: App = None,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Accept a job: print its id, or with --wait its result.

    When the id is printed, the job is durably stored. Durations are 30, 10s, 5m, 2h or 7d.

    Examples:
      kiribi enqueue SEND_MAIL '{"to": "ada@example.org"}'
      kiribi enqueue REPORT @report.json --at 2026-09-01T06:00 --timeout 10m
      echo '{"n": 1}' | kiribi enqueue COUNT - --wait
      kiribi enqueue SYNC '{"user_id": 7}' --unique payload.user_id --on-conflict replace
      kiribi enqueue DIGEST --unique-key daily --unique-within 1d --unique-states pending,completed
      kiribi enqueue SUMMARY --after $(kiribi enqueue REPORT)
    """
    if at is not None and first_delay is not None:
        raise InvalidInput("--at", at, "give either --at or --first-delay")
    options: Options = {
        **job_options.given(max_attempts, retry_delay, timeout, priority, concurrency_key),
        "first_delay": values.given(values.seconds, "--first-delay", first_delay),
        "at": values.given(values.moment, "--at", at),
        "unique": _rule(
            unique,
            key=unique_key,
            within=values.given(values.seconds, "--unique-within", unique_within),
            states=[name.upper() for given in unique_states or () for name in given.split(",")],
            on_conflict=on_conflict,
        ),
        "id": id,
        "after": after or None,
        "after_failed": values.given(values.after_failed, "--after-failed", after_failed),
    }
    value = values.payload(payload)

    async def ask(kiribi: Kiribi) -> None:
        job = await kiribi.enqueue(binding, value, **options)
        if wait:
            note(f"enqueued {job.id}, waiting")
            emit(await kiribi.result(job.id))
            return
        if json:
            emit(detailed(job))
        else:
            typer.echo(job.id)
        if job.duplicate:
            note("it was there already: nothing new was stored")
        elif not await _served(kiribi, job.binding):
            note(f"no worker has served {job.binding} yet: the job waits for one")

    run(ask, database, app, make=True)


def _rule(by: list[str] | None, **parts: Any) -> dict[str, Any] | None:
    """What must be unique; None: nothing.

    Raises:
        InvalidInput: it is said how, but not what.
    """
    given = {name: part for name, part in parts.items() if part is not None and part != []}
    if by:
        given["by"] = by
    if given and not by and "key" not in given:
        allowed = "give fields, such as payload.user_id, or --unique-key"
        raise InvalidInput("--unique", None, allowed)
    return given or None


async def _served(kiribi: Kiribi, binding: str) -> bool:
    known = await kiribi.bindings()
    return any(one.name == binding and one.last_seen_ms is not None for one in known)
