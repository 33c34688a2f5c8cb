"""`kiribi stats|failures|explain|bindings|workers`, and `pause|resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from kiribi.cli import limits, shapes, values
from kiribi.cli.output import ago, cell, emit, emit_line, plain, screen, shown_status, span, table
from kiribi.cli.session import DATABASE, Json, Where, run
from kiribi.distribution import Distribution
from kiribi.errors import InvalidInput
from kiribi.web import wire

MAX_HOURS = 3_660 * 24
Binding = Annotated[str, typer.Argument(help="The performer, such as SEND_MAIL.")]


def stats(
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far to look back.")
    ] = "24h",
    binding: Annotated[
        list[str] | None, typer.Option("--binding", "-b", help="Only of this (repeatable).")
    ] = None,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """What became of jobs: failure rates, throughput, how long they waited and ran, by binding.

    Waits and runs are shown as p50/p95/p99: what half, 95 % and 99 % of the attempts did not
    exceed, within 9 %.

    Examples:
      kiribi stats
      kiribi stats --since 7d --binding SEND_MAIL --json
    """
    hours = _hours(since)
    found = run(lambda kiribi: kiribi.stats(hours=hours, bindings=binding or ()), database)
    if json:
        for one in found:
            emit_line(wire.tally(one))
        return
    counts = ("enqueued", "completed", "failed", "retried", "cancelled", "crashed")
    heads = (
        "enqueued",
        "done",
        "failed",
        "retried",
        "cancelled",
        "crashed",
        "failing",
        "done/s",
        "wait p50/p95/p99",
        "run p50/p95/p99",
    )
    rows = table("binding", *heads, right=heads, cut=("binding",))
    for one in found:
        rate = one.failure_rate
        rows.add_row(
            cell(one.binding),
            *(f"{getattr(one, name):,}" for name in counts),
            "" if rate is None else f"{rate:.1%}",
            "" if one.throughput is None else f"{one.throughput:.3g}",
            percentiles(one.wait),
            percentiles(one.run),
        )
    screen().print(rows if found else f"No jobs since {since}.")


def _hours(since: str) -> float:
    hours = values.seconds("--since", since) / 3_600
    if not 0 < hours <= MAX_HOURS:
        raise InvalidInput("--since", since, "give more than 0 and up to 3660d")
    return hours


def percentiles(found: Distribution) -> str:
    """`12ms/80ms/1.2s`; nothing of none."""
    return "/".join(span(ms) for ms in (found.p50, found.p95, found.p99)) if found.number else ""


def failures(
    since: Annotated[
        str | None, typer.Option("--since", metavar="DURATION", help="How far to look back.")
    ] = None,
    binding: Annotated[
        list[str] | None, typer.Option("--binding", "-b", help="Only of this (repeatable).")
    ] = None,
    limit: Annotated[
        str, typer.Option("--limit", "-n", metavar="N", help="How many causes, up to 1,000.")
    ] = "20",
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """List what goes wrong, by cause: binding, error, and the place in the application's own code.

    Examples:
      kiribi failures --since 24h
      kiribi jobs list --fingerprint 3f1c0a9b7d5e2648
      kiribi jobs retry --fingerprint 3f1c0a9b7d5e2648 --status FAILED
    """
    hours = None if since is None else _hours(since)
    size = values.whole("--limit", limit)
    found = run(
        lambda kiribi: kiribi.failures(hours=hours, bindings=binding or (), limit=size), database
    )
    if json:
        for one in found:
            emit_line(wire.failure_shown(one))
        return
    names = ("fingerprint", "binding", "count", "first", "last", "origin", "error")
    rows = table(*names, right=("count",), cut=("binding", "origin", "error"))
    for one in found:
        rows.add_row(
            one.fingerprint,
            cell(one.binding),
            f"{one.number:,}",
            ago(one.first_ms),
            ago(one.last_ms),
            cell(one.origin),
            cell(f"{one.type}: {one.message}"),
        )
    screen().print(rows if found else "Nothing has failed.")


def explain(
    id: Annotated[str, typer.Argument(help="The job's id.")],
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Say why a job is not running, or what is going on with it.

    Examples:
      kiribi explain 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d
    """
    found = run(lambda kiribi: kiribi.explain(id), database)
    if json:
        emit(shapes.explained(found))
        return
    job = found.job
    screen().print(plain(f"{job.binding} {job.id} is"), shown_status(job.status))
    for reason in found.reasons:
        screen().print(plain(f"  {reason.message}"))


def batch(
    id: Annotated[str, typer.Argument(help="The id of the batch's callback job.")],
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Show how far a batch has come, or what any other job waits for.

    Examples:
      kiribi batch 0199c2f0-5a3c-7b1e-8f00-3c9d1a2b4c5d
    """
    found = run(lambda kiribi: kiribi.batch(id), database)
    if json:
        emit(shapes.batch(found))
        return
    callback = found.callback
    counts = ", ".join(f"{number:,} {status}" for status, number in sorted(found.counts.items()))
    typer.echo(f"{found.ended:,} of {found.total:,} have ended ({found.progress:.0%})")
    if counts:
        typer.echo(f"  {counts}")
    screen().print(plain(f"then {callback.binding} {callback.id}:"), shown_status(callback.status))


def bindings(json: Json = False, database: Where = DATABASE) -> None:
    """List the bindings the database knows: who served them last, which are paused.

    Examples:
      kiribi bindings
      kiribi bindings --json | jq .schema
    """
    found = run(lambda kiribi: kiribi.bindings(), database)
    if json:
        for one in found:
            emit_line(wire.binding_shown(one))
        return
    rows = table("binding", "state", "last served", "limits", "defaults", cut=("defaults",))
    for one in found:
        defaults = ", ".join(f"{name}={value}" for name, value in one.defaults.items())
        state = "[red]breaker open[/]" if one.probe_ms is not None else "active"
        state = "[yellow]paused[/]" if one.paused else state
        seen = ago(one.last_seen_ms) or "never"
        rows.add_row(cell(one.name), state, seen, cell(limits.shown(one)), cell(defaults))
    screen().print(rows if found else "No bindings: no worker has served this database yet.")


def pause(binding: Binding, database: Where = DATABASE) -> None:
    """Claim no more jobs of a binding, on any worker, until resumed. What runs, runs on.

    Examples:
      kiribi pause SEND_MAIL
    """
    run(lambda kiribi: kiribi.pause(binding), database)
    typer.echo(f"paused {binding}")


def resume(binding: Binding, database: Where = DATABASE) -> None:
    """Claim a paused binding's jobs again.

    Examples:
      kiribi resume SEND_MAIL
    """
    run(lambda kiribi: kiribi.resume(binding), database)
    typer.echo(f"resumed {binding}")


def workers(json: Json = False, database: Where = DATABASE) -> None:
    """List the workers the database knows, newest first.

    Examples:
      kiribi workers
    """
    found = run(lambda kiribi: kiribi.workers(), database)
    if json:
        for one in found:
            emit_line(wire.worker_shown(one))
        return
    names = ("id", "state", "host", "process", "started", "slots", "bindings")
    rows = table(*names, right=("slots",), cut=("state", "host", "bindings"))
    for one in found:
        alive = one.dead_reason is None and one.lease_ms > 0
        state = "[green]alive[/]" if alive else cell(one.dead_reason or "lost")
        rows.add_row(
            one.id,
            state,
            cell(one.host),
            str(one.pid),
            ago(one.started_ms),
            str(one.slots),
            cell(", ".join(one.bindings)),
        )
    screen().print(rows if found else "No workers.")
