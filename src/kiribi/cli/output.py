"""What people and programs see: results on stdout, everything else on stderr."""

from __future__ import annotations

import functools
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from kiribi.job import JobStatus

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

STYLES = {
    JobStatus.PENDING: "yellow",
    JobStatus.PROCESSING: "cyan",
    JobStatus.RETRY_PENDING: "magenta",
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "dim",
}
WIDE = 240
"""Columns where stdout is no terminal: programs cut for themselves."""


@functools.cache
def screen() -> Console:
    """Standard output, by Rich."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, emoji=False)


def note(text: str) -> None:
    """A message for people, on stderr."""
    typer.echo(text, err=True)


def emit(value: Any) -> None:
    """A JSON document: on one line, or indented for a terminal."""
    indent = 2 if sys.stdout.isatty() else None
    typer.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def emit_line(value: Any) -> None:
    """One of several JSON lines."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def table(*columns: str, right: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> Table:
    """An empty table with a head; those of `right` are numbers, those of `cut` give way first."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in cut,
        )
    return made


def printable(text: str) -> str:
    """Text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def plain(text: str) -> Text:
    """Printable text for Rich: brackets in it are no markup."""
    from rich.text import Text

    return Text(printable(text))


def cell(text: str) -> Text:
    """Printable text on one line, cut where there is no room."""
    from rich.text import Text

    return Text(printable(text).replace("\n", " "), no_wrap=True, overflow="ellipsis")


def pretty(value: Any) -> Text:
    """A JSON value for people."""
    return plain(json.dumps(value, ensure_ascii=False, indent=2))


def shown_status(value: JobStatus) -> str:
    """A status in its colour."""
    return f"[{STYLES[value]}]{value}[/]"


def ago(ms: int | None) -> str:
    """`12s ago` or `in 3m` of epoch milliseconds, by this machine's clock."""
    past = age(ms)
    return f"in {past[1:]}" if past.startswith("-") else past and f"{past} ago"


def age(ms: int | None) -> str:
    """`12s`, or `-3m` of what is to come."""
    if ms is None:
        return ""
    past = round(datetime.now(UTC).timestamp() - ms / 1000)
    return f"{'-' if past < 0 else ''}{span(abs(past) * 1000) if past else '0s'}"


def span(ms: float | None) -> str:
    """Milliseconds for people: `3ms`, `1.2s`, `5m`, `2h`, `7d`."""
    if ms is None:
        return ""
    if ms < 1_000:
        return f"{ms:.0f}ms"
    if ms < 60_000:
        return f"{ms / 1000:.3g}s"
    if ms < 3_600_000:
        return f"{ms / 60_000:.0f}m"
    if ms < 86_400_000:
        return f"{ms / 3_600_000:.0f}h"
    return f"{ms / 86_400_000:.0f}d"


def local(ms: int | None) -> str:
    """Epoch milliseconds as local time."""
    if ms is None:
        return ""
    return f"{datetime.fromtimestamp(ms / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
