"""The application with limits: on what runs at a time, on what starts in a second, by key."""

from __future__ import annotations

from tests.simulation.application import Default, Isolated, Other, Work

from kiribi import RateLimit

__all__ = ["Default", "Few", "Isolated", "Keyed", "Other", "Slow", "Work"]


class Few(Work):
    """Two at a time."""

    concurrency = 2


class Slow(Work):
    """Two at once after a rest, then five a second."""

    rate_limit = RateLimit(5, per=1.0, burst=2)


class Keyed(Work):
    """One at a time of a key, three in all."""

    concurrency = 3
