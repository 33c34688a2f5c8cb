"""Ticks become jobs: each exactly once, whoever looks, however many do.

A schedule moves on to its next tick, and the jobs of those before are stored, by one
compare-and-set: of many who see the same tick due, one succeeds. The job's id is made of schedule
and tick, so that even a schedule deleted and made again does not run a tick twice.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from kiribi._json import encode
from kiribi._scheduled import ScheduleChange, ScheduleInfo
from kiribi.errors import IdConflict, InvalidInput, StoreError
from kiribi.job import OPEN, Job, new_id
from kiribi.ports import NewJob, Queue, Store
from kiribi.schedule import MOST_MISSED, When, due

logger = logging.getLogger("kiribi")

LOOK_SECONDS = 1.0
"""How often somebody looks for schedules that are due; a tick within that time is waited for."""
LEAST_PAUSE = 0.01
AT_ONCE = 100
"""Schedules read, and fired together."""
TRIES = 20
"""How often one look begins again because others fired meanwhile."""
OWN_TIME_MS = 30_000
"""A tick fired within that time is the time in its job's id; later, it is when it was fired."""


async def keep_firing(store: Store, bell: Queue) -> None:
    """Fire whatever is due, as soon as it is, for ever."""
    pause = LOOK_SECONDS
    while True:
        jobs: list[Job] = []
        try:
            # who has seen a tick coming is there for it
            if pause < LOOK_SECONDS or await store.take_turn("fire", LOOK_SECONDS):
                jobs, pause = await fire(store)
        except StoreError as error:
            logger.warning("schedules have to wait: %s", error)
            pause = LOOK_SECONDS
        if jobs:
            bell.ring((0,) * len(jobs), {job.binding for job in jobs})
        await asyncio.sleep(max(pause, LEAST_PAUSE))


async def fire(store: Store) -> tuple[list[Job], float]:
    """Store the jobs of all ticks that are due; also the seconds until the next look."""
    jobs: list[Job] = []
    for _ in range(TRIES):
        seen = await store.due_schedules(AT_ONCE)
        now = seen.now_ms
        changes = [_adopted(info, definition, now) for info, definition in seen.anew]
        upcoming: list[int] = []
        for info in seen.schedules:
            if info.next_ms is not None and info.next_ms > now:
                upcoming.append(info.next_ms)
            elif (change := _fired(info, now)) is not None:
                changes.append(change)
        for batch in _batches(changes):
            jobs += await _carried_out(store, batch) or ()
        if not changes:
            wait = min(upcoming, default=now + 1000) - now
            return jobs, min(wait / 1000, LOOK_SECONDS)
    return jobs, 0.0


async def _carried_out(store: Store, changes: Sequence[ScheduleChange]) -> list[Job] | None:
    """None: something has changed; the next look sees what."""
    try:
        return await store.change_schedules(changes)
    except IdConflict:
        # A tick that has its job already, with other content: of a schedule since made anew.
        if len(changes) == 1:
            return await store.change_schedules([replace(changes[0], jobs=())])
    jobs: list[Job] = []
    for change in changes:
        jobs += await _carried_out(store, [change]) or ()
    return jobs


def _fired(info: ScheduleInfo, now_ms: int) -> ScheduleChange | None:
    """The change by which a schedule runs what is due and moves on; None: not by us."""
    try:
        schedule = info.schedule
    except InvalidInput as error:
        _warn(info.name, str(error))
        return None
    ticks = due(schedule.when, schedule.missed, info.next_ms or 0, now_ms)
    if not schedule.overlap:
        ticks = [] if info.last_status in OPEN else ticks[-1:]
    jobs = [scheduled_job(info, tick, now_ms) for tick in ticks]
    moved = replace(info, next_ms=following(schedule.when, info, now_ms))
    if ticks:
        moved = replace(moved, last_tick_ms=ticks[-1], last_job=jobs[-1].id)
    return ScheduleChange(info, moved, jobs)


def _adopted(info: ScheduleInfo, definition: str, now_ms: int) -> ScheduleChange:
    """The change by which a declared schedule becomes what the code now says.

    What was due under the old definition, and was not fired, the new one makes up for.
    """
    becomes = replace(info, definition=definition)
    if not info.paused:
        from_ms = now_ms if info.next_ms is None else min(now_ms, info.next_ms - 1)
        becomes = replace(becomes, next_ms=following(becomes.schedule.when, info, from_ms))
    return ScheduleChange(info, becomes)


def following(when: When, info: ScheduleInfo, ms: int) -> int | None:
    """The first tick after a time, and after all that were run, whatever clocks have done."""
    return when.next_after(max(ms, info.last_tick_ms or 0))


def scheduled_job(info: ScheduleInfo, tick_ms: int | None, now_ms: int) -> NewJob:
    """The job of a tick; without one, the job of somebody who does not wait for it."""
    schedule = info.schedule
    options: dict[str, Any] = {**schedule.options, "schedule": info.name}
    if tick_ms is not None:
        options["tick"] = tick_ms
    return NewJob(
        id=_id(info.name, tick_ms, now_ms),
        binding=info.binding,
        payload=encode(schedule.payload),
        options=encode(options),
        chosen_id=True,
        priority=options.get("priority"),
    )


def _id(name: str, tick_ms: int | None, now_ms: int) -> str:
    """The same UUIDv7 for the same tick, wherever it is made, unless that is long past."""
    if tick_ms is None:
        return new_id(now_ms)
    ms = tick_ms if abs(now_ms - tick_ms) <= OWN_TIME_MS else now_ms
    chance = int.from_bytes(sha256(f"{tick_ms} {name}".encode()).digest()[:10], "big")
    high, low = chance >> 68, chance & (1 << 62) - 1
    text = f"{ms << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _batches(changes: Sequence[ScheduleChange]) -> Iterator[list[ScheduleChange]]:
    """Changes to be carried out together: of at most so many jobs."""
    batch: list[ScheduleChange] = []
    jobs = 0
    for change in changes:
        if batch and jobs + len(change.jobs) > MOST_MISSED:
            yield batch
            batch, jobs = [], 0
        batch.append(change)
        jobs += len(change.jobs)
    if batch:
        yield batch


@functools.cache
def _warn(name: str, why: str) -> None:
    """Once for each."""
    logger.error("schedule %s cannot be run here: %s", name, why)
