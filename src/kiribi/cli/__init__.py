"""The command line. Results go to stdout, messages to stderr; a mistake is never a traceback.

Exit codes: 0 done, 1 failed or not found, 2 used wrongly, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from kiribi.cli import (
    actions,
    background,
    declarations,
    enqueue,
    jobs,
    limits,
    look,
    project,
    prove,
    schedules,
    serving,
    upkeep,
)
from kiribi.cli.output import note
from kiribi.cli.session import may_be_remote
from kiribi.errors import InvalidInput, KiribiError

__all__ = ["main"]

INTERRUPTED = 130
"""128 + SIGINT."""
PIPE_CLOSED = 141
"""128 + SIGPIPE."""

NAMES = {
    "binding": "BINDING",
    "name": "NAME",
    "cron": "--cron",
    "tz": "--tz",
    "every": "--every",
    "number": "--number",
    "missed": "--missed",
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            *("id", "max_attempts", "first_delay", "at", "retry_delay", "timeout", "priority"),
            *("after", "after_failed", "concurrency_key", "unique"),
            *("limit", "database", "host", "port", "processes", "concurrency", "bindings"),
        )
    },
    "unique.by": "--unique",
    "unique.key": "--unique-key",
    "unique.within": "--unique-within",
    "unique.states": "--unique-states",
    "unique.on_conflict": "--on-conflict",
}
"""Fields of errors by the names they have here."""

app = typer.Typer(
    name="kiribi",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
jobs_app = typer.Typer(no_args_is_help=True, help="Find jobs and act on them.")


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """A job system with a memory.

    Examples:
      kiribi dev                     the demo: API, worker and dashboard
      kiribi dev app.py              the same for your application
      kiribi enqueue SEND_MAIL '{"to": "ada@example.org"}' --wait
      kiribi jobs list --status FAILED

    The database is --database or KIRIBI_DATABASE_URL (sqlite:///jobs.db, postgresql://…), else
    ./kiribi.db. Instead, most commands speak to a manager elsewhere: --url https://… --token …, or
    KIRIBI_URL and KIRIBI_TOKEN.
    """


PANELS: Sequence[tuple[str, Sequence[Callable[..., None]]]] = (
    ("Run", (serving.dev, serving.worker, serving.serve)),
    ("Ask", (enqueue.enqueue,)),
    (
        "Look",
        (look.stats, look.failures, look.explain, look.batch, look.bindings, look.workers),
    ),
    (
        "Keep house",
        (
            *(look.pause, look.resume, limits.limit),
            *(upkeep.recover, upkeep.sweep, upkeep.migrate),
        ),
    ),
    ("Cloudflare Workers", (project.init, declarations.types)),
    ("About", (prove.prove, upkeep.version)),
)
for panel, commands in PANELS:
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(jobs_app, name="jobs", rich_help_panel="Ask")
jobs_app.command("list")(jobs.list_jobs)
jobs_app.command()(jobs.show)
jobs_app.command()(jobs.logs)
actions_app = typer.Typer(no_args_is_help=True, help="Bulk actions: see and abort them.")
app.add_typer(actions_app, name="actions", rich_help_panel="Look")
actions_app.command("list")(background.list_actions)
actions_app.command()(background.show)
actions_app.command()(background.abort)
app.add_typer(schedules.app, name="schedules", rich_help_panel="Ask")
for action in actions.ACTIONS:
    jobs_app.command(action.name)(actions.command(action))
for group in (app, jobs_app, actions_app, schedules.app):
    for registered in group.registered_commands:
        assert registered.callback is not None  # noqa: S101 - each was registered with one
        registered.callback = may_be_remote(registered.callback)


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code."""
    own = words is None  # this process is ours, to be given up to a supervisor
    words = sys.argv[1:] if words is None else words
    try:
        code: Any = app(words or ["--help"], prog_name="kiribi", standalone_mode=False, obj=own)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What Python still holds has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:  # whatever happened, one line says it
        if "--debug" in words:
            raise
        return _failed(error)
    return code or 0


def _failed(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    if isinstance(error, typer.Abort):
        note("aborted")
        return 1
    if isinstance(error, typer.TyperException):
        if getattr(error, "option_name", None) == "--url":
            note("error: this command needs the database itself: give --database")
        elif message := error.format_message():  # none where the help was printed
            note(f"error: {message}")
            context = getattr(error, "ctx", None)
            if context is not None:
                note(f"See: {context.command_path} --help")
        return error.exit_code
    if isinstance(error, InvalidInput):
        note(f"error: {_named(error)}")
        return 2
    if isinstance(error, KiribiError):
        note(f"error: {error}")
        return 1
    what = " ".join(f"{type(error).__name__}: {error}".split())
    note(f"error: {what} (kiribi --debug … shows where)")
    return 1


def _named(error: InvalidInput) -> str:
    """The message, its field by the name it has here: `filter.error` is --error."""
    name, _, rest = error.field.partition(".")
    if error.field in NAMES:
        option, rest = NAMES[error.field], ""
    elif name == "filter":
        name, _, rest = rest.partition(".")
        option = f"--{name}"
    elif name in NAMES:
        option = NAMES[name]
    else:
        return str(error)
    return f"{option} {rest}".rstrip() + str(error).removeprefix(error.field)
