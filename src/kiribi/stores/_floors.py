"""Where a claim begins to look, while the database has to walk over jobs long gone.

As long as one old transaction is open, PostgreSQL keeps the entries of all jobs that ended since,
and a claim would walk over all of them, more with each. Then claims begin at the rank that the last
one reached, and only now and then at the bottom: for jobs that came in below (with a priority,
handed back, or stored by a transaction that took long), which may start so much later, only then.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from kiribi.job import WAITING, Job
from kiribi.stores._batches import Batch
from kiribi.stores._rows import Rows

SLOW_US = 2_000
SLOW_US_EACH = 20
"""Microseconds to find jobs, at all and for each: several times what it takes in a tidy table."""
IN_A_ROW = 3
"""So many slow claims are no coincidence."""
SWEEP_SECONDS = 1.0
"""How often a claim begins at the bottom; more seldom where that takes a tenth of the time."""
MARGIN_MS = 1_000
"""What is stored now may be seen so much later, in another order."""
LOWERING = frozenset({"change_holders", "put_schedules"})
"""Statements that change when a job is due, or that stand beside jobs of ticks."""
STATUS = 3
"""Where a change says what becomes of its job."""


class Floors:
    """The ranks below which nothing waits, by binding; none while claims are quick."""

    def __init__(self) -> None:
        self._floors: dict[str, int] = {}
        self._slow = 0
        self._sweep_at = 0.0
        self._forgotten = 0.0

    def of(self, bindings: Sequence[str]) -> list[int | None]:
        """Where to begin; None: at the bottom."""
        if self._slow < IN_A_ROW or time.monotonic() >= self._sweep_at:
            return [None] * len(bindings)
        return [self._floors.get(binding) for binding in bindings]

    def forget(self) -> None:
        """Something came in below, maybe."""
        self._sweep_at = 0.0
        self._forgotten = time.monotonic()

    def learn(
        self,
        bindings: Sequence[str],
        floors: Sequence[int | None],
        jobs: Sequence[Job],
        limit: int,
        took_us: int,
        began: float,
    ) -> None:
        """What a claim of at most `limit` jobs that began at `floors` took, when and for how long.

        By the clock of `time.monotonic`: what came in below since may not have been seen.
        """
        if not jobs:
            return
        swept = all(floor is None for floor in floors)
        if took_us > SLOW_US + SLOW_US_EACH * len(jobs):
            self._slow += swept
        elif swept:
            self._slow = 0
        if swept and began > self._forgotten:
            self._sweep_at = time.monotonic() + max(SWEEP_SECONDS, took_us / 100_000)
        reached: dict[str, int] = {}
        for job in jobs:
            if job.options.get("concurrency_key") is None and job.started_ms is not None:
                rank = min(job.due_ms - job.priority * 60_000, job.started_ms - MARGIN_MS)
                reached[job.binding] = max(reached.get(job.binding, rank), rank)
        for binding, floor in zip(bindings, floors, strict=True):
            if binding in reached:
                # whoever began at the bottom may have come nowhere near where others were before
                self._floors[binding] = max(reached[binding], floor or reached[binding])
            elif floor is None and len(jobs) >= limit:
                # better ones of others filled the claim: of this one nobody knows how far it looked
                self._floors.pop(binding, None)


def may_lower(batch: Batch) -> bool:
    """Whether a batch may bring in jobs below: waiting again, due earlier, or of missed ticks."""
    for name, params in batch:
        if name in LOWERING:
            return True
        if name == "apply_changes" and isinstance(asked := params[0], Rows):
            return any(row[STATUS] in WAITING for row in asked.rows)
    return False
