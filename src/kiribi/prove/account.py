"""What a trial comes to: figures, and what was found broken."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 5
"""Of each kind of finding."""

RULES: Mapping[str, str] = {
    "lost": "nothing accepted is lost",
    "unfinished": "whatever was accepted ends",
    "refused": "what `enqueue` refused is not stored",
    "doubled": "one job for one `enqueue`",
    "run twice": "an attempt runs at most once",
    "outcome": "at most one outcome per attempt, that of its run",
    "end": "a job ends as its attempts say",
    "taken away": "a live job is never taken away",
    "rescue": "a dead worker's jobs run again within 30 s",
    "key": "one at a time of a concurrency key",
    "unique": "one open job of a unique key",
    "schedule": "exactly one job per tick",
    "chain": "a chain runs in order",
    "statistics": "statistics say what the records say",
    "process": "a process ends when it is asked to, and not before",
}
"""What is promised, by the name of the finding if it is broken."""


@dataclass(slots=True)
class Account:
    """The account of one trial.

    Attributes:
        seconds: how long it was enqueued and hurt.
        lease_ms: how long leases lasted.
        acts: what was done to the processes, how often.
        accepted: jobs that `enqueue` returned.
        recurring: jobs of the schedule.
        attempts: that were begun.
        again: jobs that were run more than once.
        refused: outcomes that the fence refused.
        slowest_rescue: seconds from a worker's death, or its being stopped, until its jobs were
            taken back.
        waits: seconds from acceptance to the first start, of jobs that wait for nothing else.
        findings: how often each promise was broken; `examples` say where.
    """

    seed: int
    seconds: float
    lease_ms: int
    acts: Counter[str]
    accepted: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    recurring: int = 0
    attempts: int = 0
    again: int = 0
    refused: int = 0
    slowest_rescue: float = 0.0
    waits: array[float] = field(default_factory=lambda: array("d"))
    findings: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def found(self, rule: str, example: str) -> None:
        """A promise was broken."""
        assert rule in RULES  # noqa: S101 - a name of ours
        self.findings[rule] += 1
        examples = self.examples.setdefault(rule, [])
        if len(examples) < EXAMPLES:
            examples.append(example)

    @property
    def passed(self) -> bool:
        """The promise held, and it was tried at all."""
        return not self.findings and self.accepted > 0

    @property
    def lost(self) -> int:
        """Jobs accepted that are not in the store."""
        return self.findings["lost"]

    @property
    def wait_p99(self) -> float | None:
        """Seconds that 99 of 100 jobs did not wait longer than; None without any."""
        ordered = sorted(self.waits)
        return ordered[len(ordered) * 99 // 100] if ordered else None

    def to_json(self) -> dict[str, Any]:
        """As `kiribi prove --json` prints it."""
        wait = self.wait_p99
        return {
            "passed": self.passed,
            "seed": self.seed,
            "seconds": self.seconds,
            "leaseSeconds": self.lease_ms / 1000,
            "accepted": self.accepted,
            "completed": self.completed,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "recurring": self.recurring,
            "attempts": self.attempts,
            "runMoreThanOnce": self.again,
            "lost": self.lost,
            "outcomesRefused": self.refused,
            "slowestRescueSeconds": round(self.slowest_rescue, 3),
            "waitP99Seconds": None if wait is None else round(wait, 3),
            "acts": dict(self.acts),
            "findings": [
                {
                    "promise": RULES[rule],
                    "finding": rule,
                    "number": number,
                    "examples": self.examples[rule],
                }
                for rule, number in self.findings.items()
            ],
        }
