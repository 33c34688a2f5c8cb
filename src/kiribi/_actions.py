"""Actions on one job or many: an id, ids, or everything a filter matches, in steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kiribi.errors import Conflict, IllegalTransition, InvalidInput, JobNotFound
from kiribi.job import Job, JobStatus
from kiribi.lifecycle import Change
from kiribi.ports import Store
from kiribi.search import JobFilter

STEP = 1_000
"""Jobs per round trip."""
TRIES = 5
"""How often a job that changes under our hands is looked at again."""

Target = str | Sequence[str] | JobFilter | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Acted:
    """What an action did: the ids it changed, and those it skipped with the reason."""

    done: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()


async def act(store: Store, target: Target, event: Callable[[Job], Change]) -> Acted:
    """Apply a transition of `lifecycle` to every job of `target`.

    Raises:
        JobNotFound, IllegalTransition: `target` is one id, and it cannot be.
    """
    done: list[str] = []
    skipped: list[tuple[str, str]] = []
    async for ids in chosen(store, target):
        changed, refused = await _step(store, ids, event)
        if isinstance(target, str) and refused:
            raise refused[target]
        done += changed
        skipped += [(id, str(error)) for id, error in refused.items()]
    return Acted(tuple(done), tuple(skipped))


async def delete(store: Store, target: Target) -> Acted:
    """Remove every job of `target` that is not PROCESSING.

    Raises:
        JobNotFound, IllegalTransition: `target` is one id, and it cannot be.
    """
    done: list[str] = []
    skipped: list[tuple[str, str]] = []
    async for ids in chosen(store, target):
        gone = await store.delete(ids)
        done += gone
        kept = [id for id in ids if id not in set(gone)]
        if not kept:
            continue
        running = {job.id for job in await store.find(kept)}
        for id in kept:
            error = (
                IllegalTransition(id, "delete", JobStatus.PROCESSING, "cancel it first")
                if id in running
                else JobNotFound(id)
            )
            if isinstance(target, str):
                raise error
            skipped.append((id, str(error)))
    return Acted(tuple(done), tuple(skipped))


async def chosen(store: Store, target: Target) -> AsyncIterator[list[str]]:
    """The ids of `target`, a thousand at a time.

    Raises:
        InvalidInput: it is neither an id, nor ids, nor a filter.
    """
    if isinstance(target, str):
        yield [target]
    elif isinstance(target, JobFilter | Mapping):
        async for ids in matching(store, JobFilter.parse(target)):
            yield ids
    else:
        ids = list(dict.fromkeys(target))
        for id in cast("list[object]", ids):
            if not isinstance(id, str):
                raise InvalidInput("ids", id, "give ids as text")
        for start in range(0, len(ids), STEP):
            yield ids[start : start + STEP]


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


async def _step(
    store: Store, ids: list[str], event: Callable[[Job], Change]
) -> tuple[list[str], dict[str, JobNotFound | Conflict]]:
    """One round of compare-and-set, repeated for the jobs that moved in between."""
    done: list[str] = []
    refused: dict[str, JobNotFound | Conflict] = {}
    for _ in range(TRIES):
        jobs = {job.id: job for job in await store.find(ids)}
        changes: list[Change] = []
        for id in ids:
            try:
                if id not in jobs:
                    raise JobNotFound(id)
                changes.append(event(jobs[id]))
            except (JobNotFound, IllegalTransition) as error:
                refused[id] = error
        taken = await store.apply(changes)
        done += [change.id for change, took in zip(changes, taken, strict=True) if took]
        ids = [change.id for change, took in zip(changes, taken, strict=True) if not took]
        if not ids:
            return done, refused
    for id in ids:
        refused[id] = Conflict(f"job {id!r} changed {TRIES} times meanwhile; try again")
    return done, refused
