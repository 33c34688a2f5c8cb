"""The retry budget: an open breaker lets one job at a time probe, and not before its time."""

from __future__ import annotations

import json
from typing import NamedTuple

from tests.simulation.rules import Batch, Rule

BINDING, FAILURES, PROBE_MS = "FRAGILE", 2, 1_000


class Breaker(NamedTuple):
    """streak: failures since the last success; probe: from when on a job may; None: closed."""

    streak: int = 0
    probe: int | None = None


class Budget(Rule):
    """Counts for itself what the store counts."""

    def changed(self, batch: Batch) -> None:
        """Claims obey the breaker, and outcomes move it."""
        breaker = self.memory.get(BINDING, Breaker())
        if "claim_jobs" in batch.names:
            claimed = [row for row in batch.moved if row.binding == BINDING]
            if claimed and breaker.probe is not None:
                self._probed(breaker.probe, batch)
                self.remember(BINDING, breaker._replace(probe=batch.now + PROBE_MS))
            return
        outcomes = [json.loads(row.history or "[]")[-1][1] for row in batch.ended(BINDING)]
        failed = outcomes.count("failed")
        if "completed" in outcomes:
            self.remember(BINDING, Breaker())
        elif failed:
            streak = breaker.streak + failed
            opens = breaker.probe is not None or streak >= FAILURES
            self.saw("breaker open")
            self.remember(BINDING, Breaker(streak, batch.now + PROBE_MS if opens else None))

    def _probed(self, probe: int, batch: Batch) -> None:
        running = [
            row.id
            for row in batch.after.values()
            if row.binding == BINDING and row.status == "PROCESSING"
        ]
        self.saw("probe")
        if len(running) > 1:
            self.fail(f"the breaker is open, and {running} run at a time")
        elif batch.now < probe:
            self.fail(f"{running} probes {probe - batch.now} ms before its time")
