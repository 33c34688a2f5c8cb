"""What all processes of one trial know."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from kiribi._lease import LEASE_MS

VARIABLE = "_KIRIBI_PROVE"
"""The environment variable that carries the plan to the processes."""
SHORTEST_LEASE_MS = 2_000
LEASES = 10
"""A short trial has shorter leases, so that this many could lapse within it."""
BEATS = 4
"""Renewals within a lease, as of a worker in production."""
FASTEST = 500
MOST_JOBS = 1_000_000
LONGEST_AGAIN = 3.0
"""Seconds; still long enough to be at it when the outcome of a lost worker comes late."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One trial.

    Attributes:
        database: the scratch database's URL.
        folder: where its journal and its logs are.
        seconds: how long the processes are enqueueing and being hurt.
        seed: decides what is enqueued and who is hurt when.
        pid: the process that carries it out.
        name: how the connections call themselves where they can be cut; else empty.
        ahead_ns: how far the database's clock is ahead of ours; `unsure_ns`: more or less.
    """

    database: str
    folder: str
    seconds: float
    seed: int
    pid: int = field(default_factory=os.getpid)
    name: str = ""
    ahead_ns: int = 0
    unsure_ns: int = 0

    @property
    def lease_ms(self) -> int:
        """How long the workers' leases last: 20 s, unless the trial is short."""
        return round(min(LEASE_MS, max(SHORTEST_LEASE_MS, self.seconds * 1000 / LEASES)))

    @property
    def beat(self) -> float:
        """Seconds between renewals."""
        return self.lease_ms / 1000 / BEATS

    @property
    def longest(self) -> float:
        """Seconds that a job takes at most: its worker may lose its lease meanwhile."""
        return self.lease_ms / 1000 * 1.5 + 3

    @property
    def longest_again(self) -> float:
        """The same after a crash, when few can run at a time: each has its own process."""
        return min(LONGEST_AGAIN, self.lease_ms / 1000 / BEATS)

    @property
    def rate(self) -> float:
        """Jobs a second, over all enqueuers."""
        return min(FASTEST, MOST_JOBS / self.seconds)

    @property
    def journal(self) -> Path:
        """The file that the account is made from."""
        return Path(self.folder) / "journal"

    @property
    def abandoned(self) -> bool:
        """Whether whoever carries it out was killed: then nobody ends what he started."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def environment(self) -> dict[str, str]:
        """The environment of the trial's processes."""
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def of_this_process(cls) -> Self:
        """The plan that this process was started with."""
        return cls(**json.loads(os.environ[VARIABLE]))
