"""How long to wait before a failed job runs again. Pure: the random number is passed in."""

from __future__ import annotations

from dataclasses import dataclass

from kiribi.errors import checked_seconds


@dataclass(frozen=True, slots=True)
class Exponential:
    """`base ** failures` seconds, at most `cap`, with full jitter.

    Full jitter (a uniform draw between 0 and the bound) spreads retries best: "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015.

    Raises:
        InvalidInput: base below 1 or above 1,000; cap outside 0 to one year.
    """

    base: float = 2.0
    cap: float = 3600.0

    def __post_init__(self) -> None:
        base = checked_seconds("retry_delay.base", self.base, least=1, most=1_000, what="a number")
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "cap", checked_seconds("retry_delay.cap", self.cap))


RetryDelay = float | Exponential
"""Constant seconds, or a growing bound."""


def delay(policy: RetryDelay, failures: int, jitter: float) -> float:
    """Seconds to wait after the `failures`-th failure (from 1); `jitter` is drawn from [0, 1)."""
    if not isinstance(policy, Exponential):
        return policy
    try:
        bound = min(policy.base**failures, policy.cap)
    except OverflowError:
        bound = policy.cap
    return bound * jitter


DEFAULT = Exponential()
"""Where nobody says anything else."""
