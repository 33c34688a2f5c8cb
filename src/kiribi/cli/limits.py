"""`kiribi limit`, and limits on one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from kiribi.cli import values
from kiribi.cli.output import emit
from kiribi.cli.session import DATABASE, Json, Where, run
from kiribi.errors import InvalidInput
from kiribi.limits import Limits, RateLimit, RetryBudget
from kiribi.manager import Kiribi
from kiribi.ports import BindingInfo
from kiribi.web import wire

T = TypeVar("T")


def limit(
    binding: Annotated[str, typer.Argument(help="The performer, such as SEND_MAIL.")],
    concurrency: Annotated[
        str | None, typer.Option(metavar="N", help="Jobs at a time, over all workers.")
    ] = None,
    concurrency_per_key: Annotated[
        str | None, typer.Option(metavar="N", help="Of those of one key.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="N/DURATION[:BURST]", help="Starts in a time.")
    ] = None,
    rate_per_key: Annotated[
        str | None, typer.Option(metavar="N/DURATION[:BURST]", help="Of those of one key.")
    ] = None,
    retry_budget: Annotated[
        str | None,
        typer.Option(metavar="N[:DURATION]", help="Failures in a row until jobs only probe."),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Take back what was set: the performer's hold again.")
    ] = False,
    json: Json = False,
    database: Where = DATABASE,
) -> None:
    """Set limits of a binding for all workers, now; `none` lifts one.

    They hold until --reset, also when workers start anew.

    Examples:
      kiribi limit SEND_MAIL --concurrency 2 --rate 100/1m:20
      kiribi limit SEND_MAIL --rate none
      kiribi limit SEND_MAIL --reset
    """
    limits: Limits = {}
    if concurrency is not None:
        limits["concurrency"] = _lifted(values.whole, "--concurrency", concurrency)
    if concurrency_per_key is not None:
        number = _lifted(values.whole, "--concurrency-per-key", concurrency_per_key)
        limits["concurrency_per_key"] = number
    if rate is not None:
        limits["rate_limit"] = _lifted(_rate, "--rate", rate)
    if rate_per_key is not None:
        limits["rate_limit_per_key"] = _lifted(_rate, "--rate-per-key", rate_per_key)
    if retry_budget is not None:
        limits["retry_budget"] = _lifted(_budget, "--retry-budget", retry_budget)
    if reset == bool(limits):
        raise InvalidInput("--reset", reset, "give either limits, such as --concurrency, or it")

    async def ask(kiribi: Kiribi) -> BindingInfo:
        await (kiribi.reset_limits(binding) if reset else kiribi.limit(binding, **limits))
        return next(info for info in await kiribi.bindings() if info.name == binding)

    info = run(ask, database)
    if json:
        emit(wire.binding_shown(info))
    else:
        typer.echo(f"{info.name}: {shown(info) or 'no limits'}")


def shown(info: BindingInfo) -> str:
    """The limits in force, as the options take them."""
    told: list[str] = []
    for name, limit in info.limits.items():
        what = name.replace("_", " ")
        match limit:
            case {"limit": number, "per": per, "burst": burst}:
                told.append(f"{what} {number}/{per:g}s" + (f":{burst}" if burst > 1 else ""))
            case {"failures": failures, "probe": probe}:
                told.append(f"{what} {failures}:{probe:g}s")
            case _:
                told.append(f"{what} {limit}")
    return ", ".join(told)


def _lifted(parse: Callable[[str, str], T], option: str, text: str) -> T | None:
    if text.lower() == "none":
        return None
    try:
        return parse(option, text)
    except InvalidInput as error:
        raise InvalidInput(option, error.value, error.allowed) from None


def _rate(option: str, text: str) -> RateLimit:
    match = re.fullmatch(r"(\d+)/([^:]+)(?::(\d+))?", text.strip())
    if match is None:
        raise InvalidInput(option, text, "give N/DURATION, such as 100/1m, or 100/1m:20")
    return RateLimit(int(match[1]), values.seconds(option, match[2]), int(match[3] or 1))


def _budget(option: str, text: str) -> RetryBudget:
    failures, sign, probe = text.partition(":")
    number = values.whole(option, failures)
    return RetryBudget(number, values.seconds(option, probe)) if sign else RetryBudget(number)
