"""Bulk actions: each job acted on at most once, none overlooked, progress is what was done."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.simulation.rows import FINAL, WAITING, Row
from tests.simulation.rules import Batch, Rule

ACTIONS = """SELECT id, kind, filter, status, matched, done, skipped, failed, step, before, missed
FROM action"""
ALLOWED = {
    "cancel": (*WAITING, "PROCESSING"),
    "retry": FINAL,
    "run_now": WAITING,
    "delete": (*WAITING, *FINAL),
}


class Action(NamedTuple):
    """An action as its row has it."""

    id: str
    kind: str
    filter: str
    status: str
    matched: int
    done: int
    skipped: int
    failed: int
    step: int
    before: str | None
    missed: str

    def matches(self, row: Row) -> bool:
        """Whether a job was among those that the action was begun for, from what it is now."""
        asked: dict[str, Any] = json.loads(self.filter)
        return (
            row.id < self.id
            and row.status in asked.get("status", (row.status,))
            and row.binding in asked.get("binding", (row.binding,))
        )


class Bulk(Rule):
    """Remembers actions by id, what each has done, and what was there when it began."""

    def changed(self, batch: Batch) -> None:
        """Follow each action from step to step."""
        if not any("action" in name for name in batch.names):
            return
        rows = [Action._make(row) for row in self.query(ACTIONS)]
        for action in rows:
            old: Action | None = self.memory.get(action.id)
            if old == action:
                continue
            self.remember(action.id, action)
            if old is None:
                began = {id: row for id, row in batch.after.items() if action.matches(row)}
                self.remember(("began", action.id), began)
            elif "advance_action" in batch.names:
                self._advanced(old, action, batch)
            elif action._replace(step=old.step, status=old.status) != old:
                self.fail(f"an action moved without a step: {old} -> {action}")

    def _advanced(self, old: Action, action: Action, batch: Batch) -> None:
        self.saw(f"step of {action.kind}")
        if old.status != "RUNNING":
            self.fail(f"a step of an action that is {old.status}: {action}")
        if old.before is not None and old.missed == "[]" and (action.before or "") >= old.before:
            self.fail(f"the same jobs were looked at twice: {old} -> {action}")
        acted = {row.id: row for row in (*batch.moved, *batch.gone)}
        self.judge.touched.update(acted)
        before: frozenset[str] = self.memory.get(("acted", action.id), frozenset())
        if twice := before & acted.keys():
            self.fail(f"{action.kind} was done twice to {sorted(twice)}: {action}")
        self.remember(("acted", action.id), before | acted.keys())
        for id, row in acted.items():
            was = batch.before.get(id)
            if was is None or id >= action.id or was.status not in ALLOWED[action.kind]:
                self.fail(f"{action.kind} was done to {was}, now {row}: {action}")
        # done, but the row shows nothing: due in this very millisecond, or cancelled before
        vain = {
            id
            for id, row in batch.before.items()
            if id not in acted and action.kind in ("cancel", "run_now")
            if (row.cancel_requested == 1 if action.kind == "cancel" else row.due == batch.now)
        }
        self.remember(("vain", action.id), self.memory.get(("vain", action.id), set()) | vain)
        if not len(acted) <= action.done - old.done <= len(acted) + len(vain):
            self.fail(f"{len(acted)} done, counted as {action.done - old.done}: {action}")
        counted = action.done + action.skipped + action.failed + len(json.loads(action.missed))
        if action.matched != counted:
            self.fail(f"of {action.matched} jobs, {counted} are accounted for: {action}")
        if action.status == "DONE":
            self._over(action, batch)

    def _over(self, action: Action, batch: Batch) -> None:
        self.saw("action done")
        acted = self.memory[("acted", action.id)] | self.memory[("vain", action.id)]
        for id, row in self.memory[("began", action.id)].items():
            still = batch.after.get(id) == row and row.status in ALLOWED[action.kind]
            if still and id not in acted and not row.cancel_requested:
                self.fail(f"{action.kind} has overlooked {row}: {action}")

    @property
    def running(self) -> bool:
        """Whether an action has not ended."""
        return any(
            isinstance(one, Action) and one.status == "RUNNING" for one in self._safe.values()
        )
