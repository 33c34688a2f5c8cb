"""Actions in a SQL store: each step and its count are one transaction, fenced by its number."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kiribi.action import Action, ActionStatus, Step
from kiribi.stores import _changes
from kiribi.stores._batches import Batches
from kiribi.stores._insertion import id_bound, in_time
from kiribi.stores._rows import Params, Row, as_written, dumps, plain
from kiribi.stores._search import AFTER_ALL_IDS
from kiribi.stores._successors import Successors


class StepTaken(Exception):
    """The batch was aborted by `refuse_step`."""


class ActionTable(Batches):
    """The part of a SQL store that keeps actions."""

    _successors: Successors

    async def _gone(self, rows: Sequence[Row]) -> list[str]:
        """The ids of deleted jobs, after what follows for those who waited for them."""
        await self._successors.ended([(id, status) for id, status, awaited in rows if awaited])
        return [id for id, *_ in rows]

    async def begin_action(self, action: Action, lease_ms: int) -> Action:
        """See `action.ActionStore`."""
        id = in_time(action.id, self._now())
        asked = (id, action.kind, dumps(action.filter), plain(action.who), lease_ms)
        await self._write([("begin_action", asked)])
        return _action((await self._rows("find_action", id))[0])

    async def find_action(self, id: str) -> Action | None:
        """See `action.ActionStore`."""
        rows = await self._rows("find_action", id)
        return _action(rows[0]) if rows else None

    async def actions(self, *, before: str | None = None, limit: int = 50) -> list[Action]:
        """See `action.ActionStore`."""
        rows = await self._rows("list_actions", before or AFTER_ALL_IDS, limit)
        return [_action(row) for row in rows]

    async def running_actions(self, limit: int) -> list[tuple[Action, bool]]:
        """See `action.ActionStore`."""
        rows = await self._rows("running_actions", limit)
        return [(_action(row), row[-1] == 1) for row in rows]

    async def take_action(self, action: Action, lease_ms: int) -> Action | None:
        """See `action.ActionStore`."""
        taking = [("take_action", (action.id, action.step, lease_ms))]
        (rows,) = await self._write(taking)
        return _action(rows[0]) if rows else None

    async def advance(
        self, action: Action, step: Step, lease_ms: int
    ) -> tuple[Action, list[str]] | None:
        """See `action.ActionStore`."""
        expected = [(one.id, _changes.holder(one), one.attempts) for one in step.changes]
        delete, statuses = dumps(list(step.delete)), dumps(list(step.statuses))
        counts = (step.matched, step.skipped, step.failed, step.tries, step.reason)
        noted = (action.id, lease_ms, step.before, *counts, dumps(expected), delete, statuses)
        batch: list[tuple[str, Params]] = [("refuse_step", (action.id, action.step))]
        if step.changes:
            batch += _changes.statements(step.changes)
        # once keys are given back, and before any job has changed
        first = next((at for at, (name, _) in enumerate(batch) if name == "apply_stat"), 1)
        batch.insert(first, ("advance_action", noted))
        if step.delete:
            batch += [("delete_stat", (delete, statuses)), ("delete_jobs", (delete, statuses))]
        try:
            rows = await self._write(batch)
        except StepTaken:
            return None
        now = _action(rows[first][0])
        if step.delete:
            return now, await self._gone(rows[-1])
        if not step.changes:
            return now, []
        taken = _changes.taken(step.changes, batch, rows)
        self._successors.freed(taken.freed)
        await self._successors.ended(taken.ended)
        return now, list(taken.jobs)

    async def abort_action(self, id: str) -> bool:
        """See `action.ActionStore`."""
        (rows,) = await self._write([("abort_action", (id,))])
        return bool(rows)

    async def prune_actions(self, before_ms: int) -> None:
        """See `action.ActionStore`."""
        await self._write([("prune_actions", (id_bound(before_ms), before_ms))])


@as_written
def _action(row: Row) -> Action:
    """An action from a row of the columns that `find_action.sql` names."""
    id, kind, filter, who, status, *rest = row
    matched, done, skipped, failed, reason, created_ms, updated_ms, finished_ms, step = rest[:9]
    before, missed, tries = rest[9:12]
    return Action(
        id,
        kind,
        json.loads(filter),
        who,
        ActionStatus(status),
        matched,
        done,
        skipped,
        failed,
        reason,
        created_ms,
        updated_ms,
        finished_ms,
        step,
        before,
        tuple(json.loads(missed)),
        tries,
    )
