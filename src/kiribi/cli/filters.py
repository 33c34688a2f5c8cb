"""Options that choose jobs, and the filter they make."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kiribi.cli import values
from kiribi.job import JobStatus

Bindings = Annotated[
    list[str] | None, typer.Option("--binding", "-b", help="Only of this binding (repeatable).")
]
Statuses = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        "-s",
        metavar="STATUS",
        help=f"Only in this status (repeatable): {', '.join(JobStatus)}.",
    ),
]
Error = Annotated[
    str | None, typer.Option("--error", metavar="TEXT", help="This text is in the last error.")
]
Fingerprint = Annotated[
    str | None,
    typer.Option("--fingerprint", metavar="TEXT", help="Failed of this cause (`kiribi failures`)."),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="REASON", help="FAILED for this reason: failed or crashed."),
]
Payload = Annotated[
    list[str] | None,
    typer.Option(
        "--payload", "-p", metavar="PATH=VALUE", help="A payload field, as user.id=42 (repeatable)."
    ),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="Enqueued since: 2h ago, or a time."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="Enqueued before: 2h ago, or a time."),
]


def parse(
    bindings: list[str] | None,
    statuses: list[str] | None,
    error: str | None,
    payload: list[str] | None,
    since: str | None,
    until: str | None,
    fingerprint: str | None,
    reason: str | None,
) -> dict[str, Any]:
    """The filter as `JobFilter.parse` takes it; empty if nothing is asked for.

    Raises:
        InvalidInput: naming the option.
    """
    given = {
        "binding": bindings,
        "status": [status.upper() for status in statuses or ()],
        "error": error,
        "payload": values.fields("--payload", payload or []),
        "created_after": values.given(values.past, "--since", since),
        "created_before": values.given(values.past, "--until", until),
        "fingerprint": fingerprint,
        "reason": reason,
    }
    return {name: value for name, value in given.items() if value not in (None, [], {})}
