"""Jobs after others: none starts before, none is cancelled without a cause."""

from __future__ import annotations

import json

from tests.simulation.rows import FINAL, HELD, Row
from tests.simulation.rules import Batch, Rule


class Chains(Rule):
    """Remembers, by id, all the ways in which a job has ended."""

    def changed(self, batch: Batch) -> None:
        """What waited for others is let go, claimed or cancelled by right."""
        for row in batch.moved:
            old = batch.before.get(row.id)
            if row.status in FINAL:
                self.remember(row.id, self._ends(row.id) | {row.status})
            if row.options is None or '"after"' not in row.options:
                continue
            if row.id in self.judge.touched:
                continue  # somebody has retried it, or said that it need not wait
            if old is None:
                self.saw("successor")
                if row.due != HELD:
                    self.fail(f"it is due before the others have ended: {row}")
            elif old.due == HELD and row.status == "CANCELLED":
                self._cancelled(row)
            elif (old.due == HELD and row.due != HELD) or row.status == "PROCESSING":
                self._let_go(row)

    def _let_go(self, row: Row) -> None:
        options = json.loads(row.options or "{}")
        how = options.get("after_failed", "cancel")
        self.saw(f"let go ({how})")
        if how == "run":
            missing = [id for id in options["after"] if not self._over(id)]
        else:
            missing = [id for id in options["after"] if "COMPLETED" not in self._ends(id)]
        if missing:
            self.fail(f"it was to run after {missing}: {row}")

    def _cancelled(self, row: Row) -> None:
        options = json.loads(row.options or "{}")
        how = options.get("after_failed", "cancel")
        self.saw(f"not run ({how})")
        causes = [
            id
            for id in options["after"]
            if self._ends(id) & {"FAILED", "CANCELLED"} or id in self.judge.deleted
        ]
        if how == "run" or not causes:
            self.fail(f"cancelled, though none of the others failed: {row}")

    def _over(self, id: str) -> bool:
        return id in self.memory or id in self.judge.deleted

    def _ends(self, id: str) -> frozenset[str]:
        return self.memory.get(id, frozenset())
