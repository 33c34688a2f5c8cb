"""The application with all that steers jobs: a circuit breaker, and a schedule of its own."""

from __future__ import annotations

from tests.simulation.application import Default, Isolated, Other, Work

from kiribi import Every, RetryBudget, Schedule

__all__ = ["Default", "Fragile", "Isolated", "Other", "Ticking", "Work"]


class Fragile(Work):
    """Two failures in a row open its breaker; then one a second may probe."""

    retry_budget = RetryBudget(2, probe=1.0)


class Ticking(Work):
    """Every four seconds, but not while the last has not ended."""

    schedule = Schedule(Every(4), {"n": -1, "acts": ["sleep:0.3 fail", "ok"]}, overlap=False)
