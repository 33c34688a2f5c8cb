"""What limits the jobs of a binding: how many run at once, how many start, after how many failures.

The store keeps them as JSON by their Python names, so that they hold for every worker, whatever
program it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, TypedDict, cast

from kiribi.errors import YEAR, InvalidInput, checked_seconds, unknown_name
from kiribi.options import whole

MOST = 1_000_000
"""Of anything that is counted here."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit + burst - 1` starts in any `per` seconds, `limit` in the long run.

    By the generic cell rate algorithm (GCRA): evenly spaced, but for `burst` at once after a rest.

    Attributes:
        limit: starts per period, 1 to 1,000,000.
        per: the period in seconds.
        burst: 1 to 1,000,000; 1 spaces all starts `per / limit` apart.

    Raises:
        InvalidInput: naming what is wrong.
    """

    limit: int
    per: float = 1.0
    burst: int = 1

    def __post_init__(self) -> None:
        whole(1, MOST)("rate_limit.limit", self.limit)
        whole(1, MOST)("rate_limit.burst", self.burst)
        per = checked_seconds("rate_limit.per", self.per, least=0.001, most=YEAR)
        object.__setattr__(self, "per", per)


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """A circuit breaker: `failures` in a row open it, then one job at a time probes.

    While it is open the binding's other jobs wait: no attempt of theirs is spent. A success
    closes it.

    Attributes:
        failures: failed attempts without a success between them, 1 to 1,000,000.
        probe: seconds before the first probe, and from one to the next.

    Raises:
        InvalidInput: naming what is wrong.
    """

    failures: int
    probe: float = 30.0

    def __post_init__(self) -> None:
        whole(1, MOST)("retry_budget.failures", self.failures)
        probe = checked_seconds("retry_budget.probe", self.probe, least=0.001, most=YEAR)
        object.__setattr__(self, "probe", probe)


class Limits(TypedDict, total=False):
    """The keyword arguments of `Kiribi.limit`, for type checkers; None lifts a limit."""

    concurrency: int | None
    concurrency_per_key: int | None
    rate_limit: RateLimit | Mapping[str, Any] | None
    rate_limit_per_key: RateLimit | Mapping[str, Any] | None
    retry_budget: RetryBudget | Mapping[str, Any] | None


def _parts(kind: type[RateLimit] | type[RetryBudget], example: str) -> Callable[[str, object], Any]:
    """A check for a `kind`, or its JSON form."""
    parts = [part.name for part in fields(kind)]

    def check(name: str, value: object) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, Mapping):
            raise InvalidInput(name, value, f"give {example}")
        given = cast("Mapping[str, Any]", value)
        for part in given:
            if part not in parts:
                raise unknown_name(name, part, parts)
        if parts[0] not in given:
            raise InvalidInput(name, given, f"give {example}")
        try:
            return kind(**given)
        except InvalidInput as error:
            part = error.field.rpartition(".")[2]
            raise InvalidInput(f"{name}.{part}", error.value, error.allowed) from None

    return check


CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "concurrency": whole(1, MOST),
    "concurrency_per_key": whole(1, MOST),
    "rate_limit": _parts(RateLimit, "RateLimit(limit, per, burst)"),
    "rate_limit_per_key": _parts(RateLimit, "RateLimit(limit, per, burst)"),
    "retry_budget": _parts(RetryBudget, "RetryBudget(failures, probe)"),
}
"""How each limit is checked, by the name of the performer's attribute."""


def checked_limits(given: Mapping[str, Any]) -> dict[str, Any]:
    """Limits as JSON; None stays None.

    Raises:
        InvalidInput: naming the limit, its value and what is allowed; or none is given.
    """
    if not given:
        raise InvalidInput("limits", given, f"give one of {', '.join(CHECKS)}")
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in CHECKS:
            raise unknown_name("limits", name, CHECKS)
        checked[name] = None if value is None else encoded(CHECKS[name](name, value))
    return checked


def encoded(value: Any) -> Any:
    """One limit as JSON."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
