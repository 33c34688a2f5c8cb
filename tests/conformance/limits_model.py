"""What limits allow, told a second time: from all the jobs, and from when work started."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kiribi.job import WAITING, Job, JobStatus

Lane = tuple[str, str | None]


@dataclass
class Rate:
    """GCRA in microseconds, by the arrival time of the last start."""

    interval: int
    burst: int

    @classmethod
    def of(cls, limit: Mapping[str, Any]) -> Rate:
        return cls(-(-round(limit["per"] * 1_000_000) // limit["limit"]), limit["burst"])

    def allows(self, arrival: int, now_ms: int) -> int:
        """How many may start at once."""
        number, now = 0, now_ms * 1000
        while max(arrival, now) <= now + (self.burst - 1) * self.interval:
            arrival = max(arrival, now) + self.interval
            number += 1
        return number


@dataclass
class Allowed:
    """The limits in force, and what the rates remember."""

    limits: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    paused: set[str] = field(default_factory=set[str])
    arrivals: dict[str | Lane, int] = field(default_factory=lambda: defaultdict(int))

    def number(self, jobs: Iterable[Job], binding: str, now_ms: int) -> int:
        """How many jobs of a binding may start now."""
        if binding in self.paused:
            return 0
        limits = self.limits[binding]
        due, running = Counter[str | None](), Counter[str | None]()
        for job in jobs:
            if job.binding == binding:
                key = job.options.get("concurrency_key")
                due[key] += job.status in WAITING and job.due_ms <= now_ms
                running[key] += job.status is JobStatus.PROCESSING
        total = due[None]
        for key in due.keys() - {None}:
            free = limits.get("concurrency_per_key", 1) - running[key]
            if (rate := limits.get("rate_limit_per_key")) is not None:
                free = min(free, Rate.of(rate).allows(self.arrivals[binding, key], now_ms))
            total += max(0, min(free, due[key]))
        if (most := limits.get("concurrency")) is not None:
            total = min(total, most - running.total())
        if (rate := limits.get("rate_limit")) is not None:
            total = min(total, Rate.of(rate).allows(self.arrivals[binding], now_ms))
        return max(0, total)

    def started(self, jobs: Iterable[Job], now_ms: int) -> None:
        """Remember that these were claimed."""
        for job in jobs:
            limits, key = self.limits[job.binding], job.options.get("concurrency_key")
            for name, what in (
                ("rate_limit", job.binding),
                ("rate_limit_per_key", (job.binding, key)),
            ):
                if (rate := limits.get(name)) is not None:
                    arrival = max(self.arrivals[what], now_ms * 1000)
                    self.arrivals[what] = arrival + Rate.of(rate).interval
                elif name == "rate_limit_per_key":
                    self.arrivals[what] = 0
