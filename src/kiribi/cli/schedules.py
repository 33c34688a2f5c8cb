"""`kiribi schedules`: recurring jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, cast

import typer

from kiribi._scheduled import ScheduleInfo
from kiribi._schedules import existing, next_ticks
from kiribi.cli import job_options, shapes, values
from kiribi.cli.job_options import Attempts, Binding, Key, Payload, Priority, RetryDelay, Timeout
from kiribi.cli.output import ago, cell, emit, emit_line, local, note, plain, pretty, screen, table
from kiribi.cli.session import DATABASE, App, Json, Where, run
from kiribi.errors import InvalidInput
from kiribi.manager import Kiribi
from kiribi.schedule import Cron, Every, Missed, Schedule, When

Name = Annotated[str, typer.Argument(help="The schedule's name.")]
CronText = Annotated[
    str | None,
    typer.Option("--cron", metavar="EXPRESSION", help="Minute, hour, day, month, weekday."),
]
Zone = Annotated[
    str | None, typer.Option("--tz", metavar="ZONE", help="IANA time zone of --cron, else UTC.")
]
Interval = Annotated[
    str | None, typer.Option("--every", metavar="DURATION", help="Instead of --cron.")
]
MissedWord = Annotated[
    str | None,
    typer.Option("--missed", metavar="RULE", help="Missed ticks: once (default), all or skip."),
]
Overlap = Annotated[
    bool | None,
    typer.Option(
        "--overlap/--no-overlap", help="Also while its last job has not ended (the default)."
    ),
]

app = typer.Typer(no_args_is_help=True, help="Recurring jobs: make, see and steer schedules.")


@app.command("list")
def list_schedules(json: Json = False, database: Where = DATABASE) -> None:
    """List schedules by name.

    Examples:
      kiribi schedules list
    """
    found = run(_all, database)
    if json:
        for info in found:
            emit_line(shapes.schedule(info))
        return
    rows = table("name", "binding", "when", "next", "last", "its job", cut=("name", "when"))
    for info in found:
        rows.add_row(
            cell(info.name),
            cell(info.binding),
            cell(_when(info)),
            _next(info),
            ago(info.last_tick_ms),
            str(info.last_status or ""),
        )
    screen().print(rows if found else "There are no schedules.")


@app.command()
def show(name: Name, json: Json = False, database: Where = DATABASE) -> None:
    """Show a schedule: what it makes, when, its last tick and job.

    Examples:
      kiribi schedules show digest
    """
    _report(run(lambda kiribi: existing(kiribi.schedules, name), database), json=json)


@app.command()
def create(
    name: Name,
    binding: Binding,
    payload: Payload = None,
    cron: CronText = None,
    tz: Zone = None,
    every: Interval = None,
    missed: MissedWord = None,
    overlap: Overlap = None,
    max_attempts: Attempts = None,
    retry_delay: RetryDelay = None,
    timeout: Timeout = None,
    priority: Priority = None,
    concurrency_key: Key = None,
    app: App = None,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Make a schedule: each tick enqueues one job, over all workers.

    Examples:
      kiribi schedules create digest SEND_DIGEST --cron "0 9 * * 1-5" --tz Asia/Tokyo
      kiribi schedules create probe PROBE '{"site": "shop"}' --every 5m --missed skip
    """
    when = _asked_when(cron, tz, every)
    if when is None:
        raise InvalidInput("--cron", None, "give --cron or --every")
    options = job_options.given(max_attempts, retry_delay, timeout, priority, concurrency_key)
    schedule = Schedule(
        when,
        values.payload(payload),
        missed=cast("Missed", missed or "once"),
        overlap=overlap is not False,
        options=options,
    )

    async def make(kiribi: Kiribi) -> ScheduleInfo:
        return await kiribi.schedules.create(name, binding, schedule)

    _report(run(make, database, app, make=True), json=json)


@app.command()
def edit(
    name: Name,
    payload: Payload = None,
    cron: CronText = None,
    tz: Zone = None,
    every: Interval = None,
    missed: MissedWord = None,
    overlap: Overlap = None,
    max_attempts: Attempts = None,
    retry_delay: RetryDelay = None,
    timeout: Timeout = None,
    priority: Priority = None,
    concurrency_key: Key = None,
    app: App = None,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Change what is given of a schedule; the rest stays.

    Examples:
      kiribi schedules edit digest --cron "30 8 * * 1-5"
      kiribi schedules edit probe --missed once --no-overlap
    """
    changes: dict[str, Any] = {}
    if payload is not None:
        changes["payload"] = values.payload(payload)
    if missed is not None:
        changes["missed"] = missed
    if overlap is not None:
        changes["overlap"] = overlap
    options = job_options.given(max_attempts, retry_delay, timeout, priority, concurrency_key)

    async def change(kiribi: Kiribi) -> ScheduleInfo:
        now = (await existing(kiribi.schedules, name)).schedule
        when = _asked_when(cron, tz, every, now.when)
        becomes = replace(now, **changes, when=when, options={**now.options, **options})
        return await kiribi.schedules.edit(name, becomes)

    _report(run(change, database, app), json=json)


@app.command()
def pause(name: Name, database: Where = DATABASE) -> None:
    """Run no tick until it is resumed; those until then are left out.

    Examples:
      kiribi schedules pause digest
    """
    run(lambda kiribi: kiribi.schedules.pause(name), database)
    typer.echo(f"paused: {name}")


@app.command()
def resume(name: Name, database: Where = DATABASE) -> None:
    """Go on with the first tick after now.

    Examples:
      kiribi schedules resume digest
    """
    info = run(lambda kiribi: kiribi.schedules.resume(name), database)
    typer.echo(f"resumed: {name}, next {local(info.next_ms)}")


@app.command("run")
def run_schedule(name: Name, json: Json = False, database: Where = DATABASE) -> None:
    """Enqueue its job now, also while it is paused: print the job's id.

    Examples:
      kiribi schedules run digest
    """
    job = run(lambda kiribi: kiribi.schedules.run_now(name), database)
    if json:
        emit(shapes.detailed(job))
    else:
        typer.echo(job.id)


@app.command()
def delete(name: Name, database: Where = DATABASE) -> None:
    """Remove a schedule; the jobs it made stay.

    Examples:
      kiribi schedules delete digest
    """
    run(lambda kiribi: kiribi.schedules.delete(name), database)
    typer.echo(f"deleted: {name}")


@app.command("next")
def next_times(
    name: Name,
    number: Annotated[str, typer.Option("--number", "-n", metavar="N", help="How many.")] = "5",
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Print its next times, in its own time zone.

    Examples:
      kiribi schedules next digest -n 10
    """
    many = values.whole("--number", number)
    times = run(lambda kiribi: kiribi.schedules.next(name, many), database)
    if json:
        emit([time.isoformat() for time in times])
        return
    for time in times:
        typer.echo(_told(time))
    if not times:
        note("none: it is paused, or there is no such day any more")


async def _all(kiribi: Kiribi) -> list[ScheduleInfo]:
    found: list[ScheduleInfo] = []
    while page := await kiribi.schedules.find_many(after=found[-1].name if found else ""):
        found += page
    return found


def _asked_when(
    cron: str | None, tz: str | None, every: str | None, now: When | None = None
) -> When | None:
    """What the options say; `now` where they say nothing."""
    if every is not None:
        if cron is not None or tz is not None:
            raise InvalidInput("--every", every, "give either --every, or --cron and --tz")
        return Every(values.seconds("--every", every))
    known = now if isinstance(now, Cron) else None
    if cron is None and tz is None:
        return now
    expression = cron if cron is not None else known and known.expression
    if expression is None:
        raise InvalidInput("--tz", tz, "give it together with --cron")
    return Cron(expression, tz or (known.tz if known else "UTC"))


def _when(info: ScheduleInfo) -> str:
    stored = shapes.schedule(info)
    return f"every {stored['every']} s" if stored["every"] else f"{stored['cron']} {stored['tz']}"


def _next(info: ScheduleInfo) -> str:
    return "paused" if info.paused else ago(info.next_ms)


def _told(time: datetime) -> str:
    return f"{time:%a %Y-%m-%d %H:%M:%S %Z}"


def _report(info: ScheduleInfo, *, json: bool) -> None:
    if json:
        emit(shapes.schedule(info))
        return
    screen().print(plain(f"{info.name}: {info.binding}, {_when(info)}"))
    rows = table("", "")
    rows.show_header = False
    first = next_ticks(info, 1)
    stored = shapes.schedule(info)
    rows.add_row("next", "paused" if info.paused else _told(first[0]) if first else "never")
    rows.add_row("missed", stored["missed"])
    rows.add_row("overlap", "yes" if stored["overlap"] else "no")
    rows.add_row("declared", "in code" if info.declared else "by a call")
    if info.last_tick_ms is not None:
        rows.add_row("last tick", f"{local(info.last_tick_ms)} ({ago(info.last_tick_ms)})")
    if info.last_job is not None:
        rows.add_row("last job", f"{info.last_job} {info.last_status or '(deleted)'}")
    if stored["params"]:
        rows.add_row("options", pretty(stored["params"]))
    if stored["payload"] is not None:
        rows.add_row("payload", pretty(stored["payload"]))
    screen().print(rows)
