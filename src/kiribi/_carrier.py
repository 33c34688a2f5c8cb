"""Bulk actions, carried out by whoever ticks: a few steps at a time, each done once.

A step reads a page of jobs, decides, and writes what it did together with its count, fenced by the
number of the step. Whoever dies in between leaves nothing half done: another goes on from the last
step when the lease has lapsed. Two who carry out the same action by mistake cannot both succeed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from kiribi import lifecycle
from kiribi._actions import STEP, TRIES, key_held, moved_on
from kiribi.action import KINDS, Action, ActionStatus, Step
from kiribi.errors import Conflict, IllegalTransition, JobNotFound, KiribiError, StoreError
from kiribi.job import FINAL, Job, JobStatus, new_id
from kiribi.lifecycle import Change
from kiribi.ports import DELETABLE, Queue, Retention, Store
from kiribi.search import JobFilter

logger = logging.getLogger("kiribi")

LEASE_MS = 10_000
"""How long an action is left to whoever did its last step."""
BUDGET = 0.5
"""Seconds that a tick may spend on actions."""
LOOK_SECONDS = 0.5
"""How often somebody who cannot carry an action out looks how far it is."""
PRUNED_EVERY = 600
"""Ticks between two looks for actions to forget."""
AT_A_TIME = 100
"""Running actions looked at."""

EVENTS: Mapping[str, Callable[[Job], Change]] = {
    "cancel": lifecycle.cancel,
    "retry": lifecycle.retry,
    "run_now": lifecycle.run_now,
}


@dataclass(frozen=True, slots=True)
class Stepped:
    """An action after a step, the jobs that step changed, and those it left alone."""

    action: Action
    done: list[str] = field(default_factory=list[str])
    refused: Mapping[str, KiribiError] = field(default_factory=dict[str, KiribiError])


async def begin(
    store: Store, kind: str, filter: JobFilter, who: str, *, lease_ms: int = 0
) -> Action:
    """Record an action. With a lease it is left to the caller."""
    return await store.begin_action(Action(new_id(), kind, filter.given(), who), lease_ms)


async def carry_out(store: Store, action: Action) -> AsyncIterator[Stepped]:
    """Carry out an action begun with a lease, or wait while somebody else does; each step."""
    import asyncio

    while action.status is ActionStatus.RUNNING:
        stepped = await step(store, action)
        if stepped is None:
            found = await store.find_action(action.id)
            if found is None:
                return
            taken = await store.take_action(found, LEASE_MS)
            if taken is None and found.status is ActionStatus.RUNNING:
                await asyncio.sleep(LOOK_SECONDS)
            stepped = Stepped(taken or found)
        action = stepped.action
        yield stepped


class Carrier:
    """Carries out whatever was begun, as part of a tick."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[str, int] = {}
        self._ticks = 0

    @property
    def carrying(self) -> bool:
        """Whether the last step of some action was ours."""
        return bool(self._last)

    async def tick(self, retention: Retention | None = None, budget: float = BUDGET) -> bool:
        """Do some steps; was there any. Now and then, forget what ended before anything is kept."""
        until = time.monotonic() + budget
        acted = False
        last, self._last = self._last, {}
        for seen, free in await self._store.running_actions(AT_A_TIME):
            action: Action | None = seen
            if seen.kind not in KINDS:
                continue  # of a newer version
            if last.get(seen.id) != seen.step:
                action = await self._store.take_action(seen, LEASE_MS) if free else None
            while action is not None and action.status is ActionStatus.RUNNING:
                stepped = await step(self._store, action)
                acted = True
                action = stepped and stepped.action
                if action is not None:
                    self._last[action.id] = action.step
                if time.monotonic() >= until:
                    break  # a step each, however slow the store
        if retention is not None and retention.seconds and self._ticks % PRUNED_EVERY == 0:
            kept = max(retention.seconds.values())
            await self._store.prune_actions(await self._store.now_ms() - round(kept * 1000))
        self._ticks += 1
        return acted


async def keep_carrying(store: Store, queue: Queue) -> None:
    """Carry out actions for ever, where nobody ticks."""
    import asyncio

    carrier = Carrier(store)
    while True:
        try:
            acted = await carrier.tick()
        except StoreError as error:
            logger.warning("actions have to wait: %s", error)
            acted = False
        if acted:
            queue.ring()
        await asyncio.sleep(0 if acted else LOOK_SECONDS)


async def step(store: Store, action: Action) -> Stepped | None:
    """Carry out the next step; None: it is not ours, or the action has ended."""
    filter = JobFilter.parse(action.filter)
    refused: dict[str, KiribiError] = {}
    if action.missed:
        jobs = await store.find(action.missed)
        refused |= {id: JobNotFound(id) for id in {*action.missed} - {job.id for job in jobs}}
        before, matched, tries = action.before, 0, action.tries + 1
    else:
        page = await store.search(filter, before=action.before, limit=STEP)
        jobs, before, matched, tries = list(page.jobs), page.next, len(page.jobs), 0
    statuses = filter.statuses or tuple(JobStatus)
    failed: dict[str, KiribiError] = {}
    if tries > TRIES:
        failed = {job.id: Conflict(f"job {job.id!r} changed again and again") for job in jobs}
        jobs, tries = [], 0
    changes: list[Change] = []
    delete: list[str] = []
    for job in jobs:
        try:
            if job.status not in statuses:
                raise moved_on(job)
            if action.kind in EVENTS:
                changes.append(EVENTS[action.kind](job))
            elif job.status is JobStatus.PROCESSING:
                raise IllegalTransition(job.id, "delete", job.status, "cancel it first")
            else:
                delete.append(job.id)
        except Conflict as error:
            refused[job.id] = error
    if again := [change.id for change in changes if change.expected in FINAL]:
        held = await key_held(store, again)
        refused |= held
        changes = [change for change in changes if change.id not in held]
    left = refused | failed
    advanced = await store.advance(
        action,
        Step(
            changes=changes,
            delete=delete,
            statuses=DELETABLE.intersection(statuses),
            before=before,
            matched=matched,
            skipped=len(refused),
            failed=len(failed),
            tries=tries,
            reason=str(next(iter(left.values()))) if left else None,
        ),
        LEASE_MS,
    )
    return advanced and Stepped(*advanced, left)
