"""A bulk action: something done, in steps, to all jobs that a filter matches. Frozen data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from kiribi.job import JobStatus
from kiribi.lifecycle import Change

KINDS = ("cancel", "retry", "run_now", "delete")
"""What can be done to many jobs."""
MAX_WHO = 200
"""Characters of who began an action."""


class ActionStatus(StrEnum):
    """How far an action is."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True)
class Action:
    """An action as the store has it. `*_ms` are epoch milliseconds of the store's clock.

    Attributes:
        id: a UUIDv7: jobs enqueued after it have greater ids, and are left alone.
        kind: cancel, retry, run_now or delete.
        filter: which jobs, as `JobFilter.parse` takes it.
        who: who began it.
        matched: jobs looked at so far: those done, skipped (their status does not allow it, or
            they are gone), failed (they changed again and again) and, between two steps, those
            that changed meanwhile and will be looked at again.
        reason: why one of those skipped or failed was left alone.
        step, before, missed, tries: where the next step begins.
    """

    id: str
    kind: str
    filter: Mapping[str, Any]
    who: str = ""
    status: ActionStatus = ActionStatus.RUNNING
    matched: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    reason: str | None = None
    created_ms: int = 0
    updated_ms: int = 0
    finished_ms: int | None = None
    step: int = 0
    before: str | None = None
    missed: tuple[str, ...] = ()
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an action: what is done, what is counted, where the next one begins.

    Attributes:
        changes: transitions to apply; those that don't hold any more are looked at again.
        delete: ids to delete, as far as they have one of `statuses`.
        before: what the next step looks at; None: nothing is left.
        matched, skipped, failed: to add to the action's.
        tries: how often the missed ones have been looked at.
        reason: why one was skipped, or failed.
    """

    changes: Sequence[Change] = ()
    delete: Sequence[str] = ()
    statuses: Collection[JobStatus] = field(default_factory=tuple[JobStatus, ...])
    before: str | None
    matched: int = 0
    skipped: int = 0
    failed: int = 0
    tries: int = 0
    reason: str | None = None


class ActionStore(Protocol):
    """What a store does for actions: part of `ports.Store`."""

    async def begin_action(self, action: Action, lease_ms: int) -> Action:
        """Record an action, left to whoever began it for a while. Its id may be re-minted."""
        ...

    async def find_action(self, id: str) -> Action | None:
        """The action of this id."""
        ...

    async def actions(self, *, before: str | None = None, limit: int = 50) -> list[Action]:
        """Actions, newest first, `before` exclusive."""
        ...

    async def running_actions(self, limit: int) -> list[tuple[Action, bool]]:
        """Those to carry out, the oldest first; whether nobody holds it."""
        ...

    async def take_action(self, action: Action, lease_ms: int) -> Action | None:
        """Go on with an action that nobody holds; None: somebody does meanwhile."""
        ...

    async def advance(
        self, action: Action, step: Step, lease_ms: int
    ) -> tuple[Action, list[str]] | None:
        """Carry out a step and count it, in one transaction; the action, and the jobs changed.

        None, and nothing done: the action has ended, or somebody else has taken the step.
        """
        ...

    async def abort_action(self, id: str) -> bool:
        """End a running action between two steps; whether it ran."""
        ...

    async def prune_actions(self, before_ms: int) -> None:
        """Remove actions that ended before a time, epoch milliseconds."""
        ...
