"""Actions on one job or many: an id, ids, or everything a filter matches, in steps."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, cast

from kiribi.errors import Conflict, Duplicate, IllegalTransition, InvalidInput, JobNotFound
from kiribi.job import FINAL, Job, JobStatus, is_id
from kiribi.lifecycle import Change
from kiribi.ports import DELETABLE, Store
from kiribi.search import JobFilter

STEP = 1_000
"""Jobs per round trip."""
TRIES = 5
"""How often a job that changes under our hands is looked at again."""

Ids = list[str] | tuple[str, ...] | AbstractSet[str]
Target = str | Ids | JobFilter | Mapping[str, Any]
Refused = dict[str, JobNotFound | Conflict]


@dataclass(frozen=True, slots=True)
class Acted:
    """What an action did: the ids it changed, and those it skipped with the reason."""

    done: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()


async def act(store: Store, target: Target, event: Callable[[Job], Change]) -> Acted:
    """Apply a transition of `lifecycle` to every job of `target`.

    Raises:
        InvalidInput: `target` is neither an id, nor ids, nor a filter.
        JobNotFound, Conflict: `target` is one id, and it cannot be.
    """
    return await _each(
        store, target, lambda ids, statuses: _transition(store, ids, event, statuses)
    )


async def delete(store: Store, target: Target) -> Acted:
    """Remove every job of `target` that is not PROCESSING.

    Raises:
        InvalidInput: `target` is neither an id, nor ids, nor a filter.
        JobNotFound, Conflict: `target` is one id, and it cannot be.
    """
    return await _each(store, target, lambda ids, statuses: _deletion(store, ids, statuses))


async def matching(store: Store, filter: JobFilter) -> AsyncIterator[list[str]]:
    """The ids of all jobs that match, newest first; those enqueued meanwhile are left alone."""
    before: str | None = None
    while True:
        page = await store.search(filter, before=before, limit=STEP)
        if page.jobs:
            yield [job.id for job in page.jobs]
        if page.next is None:
            return
        before = page.next


async def _each(
    store: Store,
    target: Target,
    step: Callable[[list[str], Collection[JobStatus]], Awaitable[tuple[list[str], Refused]]],
) -> Acted:
    """Take `step` with the ids of `target`, and the statuses they must still have."""
    done: list[str] = []
    skipped: list[tuple[str, str]] = []
    if isinstance(target, JobFilter | Mapping):
        filter = JobFilter.parse(target)
        chosen, statuses = matching(store, filter), filter.statuses
    else:
        chosen, statuses = _listed(target), ()
    async for ids in chosen:
        known = [id for id in ids if is_id(id)]
        changed, refused = await step(known, statuses or JobStatus) if known else ([], {})
        refused |= {id: JobNotFound(id) for id in ids if not is_id(id)}
        if isinstance(target, str) and refused:
            raise refused[target]
        done += changed
        skipped += [(id, str(error)) for id, error in refused.items()]
    return Acted(tuple(done), tuple(skipped))


async def _listed(target: object) -> AsyncIterator[list[str]]:
    """One id or several, by the thousand."""
    if not isinstance(target, Iterable) or isinstance(target, bytes):
        raise InvalidInput("target", target, "give an id, ids or a filter")
    several = [target] if isinstance(target, str) else cast("Iterable[object]", target)
    ids: dict[str, None] = {}
    for id in several:
        if not isinstance(id, str):
            raise InvalidInput("target", id, "give ids as text")
        ids[id] = None
    for start in range(0, len(ids), STEP):
        yield list(ids)[start : start + STEP]


async def _transition(
    store: Store,
    ids: list[str],
    event: Callable[[Job], Change],
    statuses: Collection[JobStatus],
) -> tuple[list[str], Refused]:
    """One round of compare-and-set, repeated for the jobs that moved in between."""
    done: list[str] = []
    refused: Refused = {}
    for _ in range(TRIES):
        jobs = {job.id: job for job in await store.find(ids)}
        changes: list[Change] = []
        for id in ids:
            try:
                if id not in jobs:
                    raise JobNotFound(id)
                if jobs[id].status not in statuses:
                    raise moved_on(jobs[id])
                changes.append(event(jobs[id]))
            except (JobNotFound, Conflict) as error:
                refused[id] = error
        if again := [change.id for change in changes if change.expected in FINAL]:
            held = await key_held(store, again)
            refused |= held
            changes = [change for change in changes if change.id not in held]
        taken = await store.apply(changes)
        done += [change.id for change, took in zip(changes, taken, strict=True) if took]
        ids = [change.id for change, took in zip(changes, taken, strict=True) if not took]
        if not ids:
            return done, refused
    for id in ids:
        refused[id] = Conflict(f"job {id!r} changed {TRIES} times meanwhile; try again")
    return done, refused


async def key_held(store: Store, ids: Sequence[str]) -> dict[str, Duplicate]:
    """The errors for ended jobs, of these, whose unique keys others hold."""
    keys = await store.unique_keys(ids)
    others = {id: key.holder for id, key in keys.items() if key.holder not in (None, id)}
    holders = {job.id: job for job in await store.find([id for id in others.values() if id])}
    return {id: Duplicate(holders[by]) for id, by in others.items() if by in holders}


async def _deletion(
    store: Store, ids: list[str], statuses: Collection[JobStatus]
) -> tuple[list[str], Refused]:
    done = await store.delete(ids, DELETABLE.intersection(statuses))
    gone = frozenset(done)
    refused: Refused = {id: JobNotFound(id) for id in ids if id not in gone}
    for job in await store.find(list(refused)) if refused else []:
        if job.status is JobStatus.PROCESSING:
            refused[job.id] = IllegalTransition(job.id, "delete", job.status, "cancel it first")
        else:
            refused[job.id] = moved_on(job)
    return done, refused


def moved_on(job: Job) -> Conflict:
    """The error for a job that is no longer what the caller saw."""
    return Conflict(f"job {job.id!r} has become {job.status} meanwhile")
