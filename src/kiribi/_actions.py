"""Actions on one job or many: an id, ids, or everything a filter matches, in steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kiribi.errors import Conflict, IllegalTransition, InvalidInput, JobNotFound
from kiribi.job import Job, JobStatus, is_id
from kiribi.lifecycle import Change
from kiribi.ports import Store
from kiribi.search import JobFilter

STEP = 1_000
"""Jobs per round trip."""
TRIES = 5
"""How often a job that changes under our hands is looked at again."""

Target = str | Sequence[str] | JobFilter | Mapping[str, Any]
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
    return await _each(store, target, lambda ids: _transition(store, ids, event))


async def delete(store: Store, target: Target) -> Acted:
    """Remove every job of `target` that is not PROCESSING.

    Raises:
        InvalidInput: `target` is neither an id, nor ids, nor a filter.
        JobNotFound, IllegalTransition: `target` is one id, and it cannot be.
    """
    return await _each(store, target, lambda ids: _deletion(store, ids))


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
    step: Callable[[list[str]], Awaitable[tuple[list[str], Refused]]],
) -> Acted:
    done: list[str] = []
    skipped: list[tuple[str, str]] = []
    async for ids in _chosen(store, target):
        known = [id for id in ids if is_id(id)]
        changed, refused = await step(known) if known else ([], {})
        refused |= {id: JobNotFound(id) for id in ids if not is_id(id)}
        if isinstance(target, str) and refused:
            raise refused[target]
        done += changed
        skipped += [(id, str(error)) for id, error in refused.items()]
    return Acted(tuple(done), tuple(skipped))


async def _chosen(store: Store, target: Target) -> AsyncIterator[list[str]]:
    if isinstance(target, str):
        yield [target]
    elif isinstance(target, JobFilter | Mapping):
        async for ids in matching(store, JobFilter.parse(target)):
            yield ids
    else:
        ids = list(dict.fromkeys(_ids(target)))
        for start in range(0, len(ids), STEP):
            yield ids[start : start + STEP]


def _ids(target: object) -> list[str]:
    if not isinstance(target, Iterable) or isinstance(target, bytes):
        raise InvalidInput("target", target, "give an id, ids or a filter")
    ids = list(cast("Iterable[object]", target))
    for id in ids:
        if not isinstance(id, str):
            raise InvalidInput("target", id, "give ids as text")
    return cast("list[str]", ids)


async def _transition(
    store: Store, ids: list[str], event: Callable[[Job], Change]
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


async def _deletion(store: Store, ids: list[str]) -> tuple[list[str], Refused]:
    gone = await store.delete(ids)
    kept = [id for id in ids if id not in frozenset(gone)]
    running = {job.id for job in await store.find(kept)} if kept else set[str]()
    refused: Refused = {}
    for id in kept:
        refused[id] = (
            IllegalTransition(id, "delete", JobStatus.PROCESSING, "cancel it first")
            if id in running
            else JobNotFound(id)
        )
    return gone, refused
