"""What one may say of the jobs to be made, one or one each tick."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from kiribi.cli import values
from kiribi.options import Options

Binding = Annotated[str, typer.Argument(help="The performer, such as SEND_MAIL.")]
Payload = Annotated[str | None, typer.Argument(help="JSON, @file, or - for standard input.")]
Attempts = Annotated[
    str | None, typer.Option("--max-attempts", metavar="N", help="Failures before it is FAILED.")
]
RetryDelay = Annotated[
    str | None,
    typer.Option("--retry-delay", metavar="DELAY", help="A duration, or exponential:BASE:CAP."),
]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="DURATION", help="The longest an attempt may run."),
]
Priority = Annotated[
    str | None, typer.Option("--priority", metavar="N", help="0 to 9, higher first.")
]
Key = Annotated[
    str | None,
    typer.Option(
        "--concurrency-key", metavar="KEY", help="Runs one at a time with others of this key."
    ),
]


def given(
    max_attempts: str | None,
    retry_delay: str | None,
    timeout: str | None,
    priority: str | None,
    concurrency_key: str | None,
) -> Options:
    """Those that were given, as options of `enqueue`.

    Raises:
        InvalidInput: naming the option of the command.
    """
    asked = {
        "max_attempts": values.given(values.whole, "--max-attempts", max_attempts),
        "retry_delay": values.given(values.retry_delay, "--retry-delay", retry_delay),
        "timeout": values.given(values.seconds, "--timeout", timeout),
        "priority": values.given(values.whole, "--priority", priority),
        "concurrency_key": concurrency_key,
    }
    return cast("Options", {name: value for name, value in asked.items() if value is not None})
