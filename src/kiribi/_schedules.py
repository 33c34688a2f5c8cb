"""`kiribi.schedules`: recurring jobs, made, looked at and steered at run time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import cast

from kiribi._intake import Intake
from kiribi._recurring import following, scheduled_job
from kiribi._scheduled import ScheduleChange, ScheduleInfo
from kiribi._version import __version__
from kiribi.errors import Conflict, InvalidInput, ScheduleConflict, ScheduleNotFound
from kiribi.job import Job, utc
from kiribi.options import recurring, whole
from kiribi.performer import BINDING_PATTERN, Performer, schedules_of
from kiribi.ports import Queue, Store, WorkerInfo
from kiribi.schedule import Cron, Every, Schedule, When, definition
from kiribi.search import MAX_PAGE_SIZE, checked_limit

NAME = re.compile(rf"{BINDING_PATTERN.pattern}(\.[A-Za-z0-9_.:-]{{1,100}})?")
NAME_RULE = "give 1 to 100 of A-Z a-z 0-9 _ . : -, not beginning with a digit"
MOST_NEXT = 1_000
HOLD_MS, HOLD_AGAIN_SECONDS = 150_000, 50.0
"""How long a tick declares what code says (a platform's trigger may come each minute only)."""
TRIES = 20
"""How often a change begins again because the schedule was fired or changed meanwhile."""


class Schedules:
    """The schedules of a store. Those declared by performers can be paused and run, not edited."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        intake: Intake,
        performers: Mapping[str, type[Performer]],
    ) -> None:
        self._store = store
        self._queue = queue
        self._intake = intake
        self._performers = performers
        self._held_until = 0.0

    async def create(
        self, name: str, binding: str | type[Performer], schedule: Schedule | When
    ) -> ScheduleInfo:
        """Make a schedule; durable on return. The same again gives the one there is.

        Args:
            name: its own, in this store.
            binding: a performer class or its binding.
            schedule: `Cron(…)` or `Every(…)`, or a `Schedule` that has payload and options.

        Raises:
            InvalidInput: the name, the binding, its payload or options are wrong.
            ScheduleConflict: there is another schedule of this name.
        """
        checked_name(name)
        whole = _whole(schedule)
        text = await self._defined("", binding, whole)
        next_ms = whole.when.next_after(await self._store.now_ms())
        made = ScheduleInfo(name, text, next_ms)
        await self._store.change_schedules([ScheduleChange(None, made)])
        found = await existing(self, name)
        if found.definition != text or found.declared:
            raise ScheduleConflict(name, "create", "there is one of this name")
        return found

    async def find(self, name: str) -> ScheduleInfo | None:
        """The schedule of this name; None if there is none."""
        checked_name(name)
        found = await self._store.schedules([name])
        return found[0] if found else None

    async def find_many(self, *, after: str = "", limit: int = MAX_PAGE_SIZE) -> list[ScheduleInfo]:
        """Schedules by name, those after `after`.

        Raises:
            InvalidInput: `limit` is not 1 to 1,000.
        """
        checked_limit("limit", limit)
        if not isinstance(cast("object", after), str):
            raise InvalidInput("after", after, "give the name of a schedule, or leave it out")
        return await self._store.schedules(after=after, limit=limit)

    async def edit(self, name: str, schedule: Schedule | When) -> ScheduleInfo:
        """Put another schedule in its place; its next tick is the first after now.

        To change a part: `replace(info.schedule, missed="all")`, by `dataclasses`.

        Raises:
            ScheduleNotFound: there is none of this name.
            ScheduleConflict: it is declared in code.
            InvalidInput: as of `create`.
        """
        whole = _whole(schedule)
        binding = (await existing(self, name)).binding
        text = await self._defined("", binding, whole)

        def edited(info: ScheduleInfo, now: int) -> ScheduleInfo:
            if info.declared:
                raise ScheduleConflict(name, "edit", "it is declared in code: change it there")
            if info.paused or info.schedule.when == whole.when:
                return replace(info, definition=text)
            return replace(info, definition=text, next_ms=following(whole.when, info, now))

        return await self._changed(name, edited)

    async def pause(self, name: str) -> ScheduleInfo:
        """Run no tick until `resume`; those until then are not missed, they are left out.

        Raises:
            ScheduleNotFound: there is none of this name.
        """
        return await self._changed(name, lambda info, _: replace(info, paused=True, next_ms=None))

    async def resume(self, name: str) -> ScheduleInfo:
        """Go on after `pause`, with the first tick after now.

        Raises:
            ScheduleNotFound: there is none of this name.
        """

        def resumed(info: ScheduleInfo, now: int) -> ScheduleInfo:
            if not info.paused:
                return info
            next_ms = following(info.schedule.when, info, now)
            return replace(info, paused=False, next_ms=next_ms)

        return await self._changed(name, resumed)

    async def run_now(self, name: str) -> Job:
        """Enqueue its job now, also while it is paused; its ticks go on as they would.

        Raises:
            ScheduleNotFound: there is none of this name.
            ScheduleConflict: it has no overlap, and its last job has not ended.
        """
        for _ in range(TRIES):
            info = await existing(self, name)
            if not info.schedule.overlap and info.last_status and not info.last_status.is_final:
                why = f"without overlap, and job {info.last_job} is {info.last_status}"
                raise ScheduleConflict(name, "run", why)
            job = scheduled_job(info, None, await self._store.now_ms())
            change = ScheduleChange(info, replace(info, last_job=job.id), [job])
            if stored := await self._store.change_schedules([change]):
                self._queue.ring((0,), [info.binding])
                return stored[0]
            if found := await self._store.find([job.id]):  # stored, though the answer was lost
                return found[0]
        raise _busy(name)

    async def delete(self, name: str) -> None:
        """Remove a schedule; the jobs it made stay.

        Raises:
            ScheduleNotFound: there is none of this name.
            ScheduleConflict: a live worker's code declares it.
        """
        await existing(self, name)
        for _ in range(TRIES):
            info = await self.find(name)
            if info is None:
                return
            if info.declared and await self._store.declared(name):
                why = "live workers declare it: remove it from the code, or pause it"
                raise ScheduleConflict(name, "delete", why)
            if await self._store.change_schedules([ScheduleChange(info, None)]) is not None:
                return
        raise _busy(name)

    async def next(self, name: str, number: int = 5) -> list[datetime]:
        """Its next ticks, in its own time zone; none while it is paused.

        Raises:
            ScheduleNotFound: there is none of this name.
            InvalidInput: `number` is not 1 to 1,000.
        """
        whole(1, MOST_NEXT)("number", number)
        return next_ticks(await existing(self, name), number)

    # For runtimes

    async def declared(self, bindings: Iterable[str]) -> list[ScheduleInfo]:
        """What performers at hand declare, checked, as it would be made now.

        Raises:
            InvalidInput: a payload does not fit.
        """
        declared: list[ScheduleInfo] = []
        for performer in [self._performers[name] for name in bindings]:
            for name, schedule in schedules_of(performer).items():
                field = f"{performer.__name__}.schedule"
                text = await self._defined(field, performer, schedule)
                next_ms = schedule.when.next_after(await self._store.now_ms())
                declared.append(ScheduleInfo(name, text, next_ms, declared=True))
        return declared

    async def hold(self) -> None:
        """Declare them for a few minutes: for those who tick, but are no workers."""
        if time.monotonic() < self._held_until:
            return
        if declared := await self.declared(self._performers):
            parts = sorted(f"{one.name} {one.definition}" for one in declared)
            digest = sha256("\n".join(parts).encode()).hexdigest()[:16]
            holder = WorkerInfo(f"schedules-{digest}", version=__version__)
            await self._store.enlist(holder, HOLD_MS)
            await self._store.declare(holder.id, declared)
        self._held_until = time.monotonic() + HOLD_AGAIN_SECONDS

    async def _defined(self, field: str, binding: str | type[Performer], schedule: Schedule) -> str:
        """The definition of a checked schedule; `field` is where errors say it is."""
        options = recurring(schedule.options)
        try:
            job = await self._intake.checked(binding, schedule.payload, options)
        except InvalidInput as error:
            if field:
                error.add_note(f"It is of {field}.")
            raise
        return definition(job.binding, replace(schedule, options=options), job.payload)

    async def _changed(
        self, name: str, change: Callable[[ScheduleInfo, int], ScheduleInfo]
    ) -> ScheduleInfo:
        for _ in range(TRIES):
            info = await existing(self, name)
            becomes = change(info, await self._store.now_ms())
            if becomes == info:
                return info
            if await self._store.change_schedules([ScheduleChange(info, becomes)]) is not None:
                return becomes
        raise _busy(name)


async def existing(schedules: Schedules, name: str) -> ScheduleInfo:
    """The schedule of this name.

    Raises:
        ScheduleNotFound: there is none.
    """
    info = await schedules.find(name)
    if info is None:
        raise ScheduleNotFound(name)
    return info


def next_ticks(info: ScheduleInfo, number: int) -> list[datetime]:
    """The next ticks of a schedule, in its own time zone."""
    return [] if info.next_ms is None else ticks(info.schedule.when, info.next_ms - 1, number)


def ticks(when: When, after_ms: int, number: int) -> list[datetime]:
    """The first ticks after a time, in their own time zone."""
    found = [utc(ms) for ms in islice(when.ticks(after_ms), number)]
    if isinstance(when, Cron):
        from kiribi._cron import zone

        return [tick.astimezone(zone(when.tz)) for tick in found]
    return found


def checked_name(name: object) -> None:
    """Make sure that `name` can name a schedule.

    Raises:
        InvalidInput: it cannot.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidInput("name", name, NAME_RULE)


def _whole(schedule: object) -> Schedule:
    if isinstance(schedule, Cron | Every):
        return Schedule(schedule)
    if not isinstance(schedule, Schedule):
        allowed = "give Cron(expression, tz), Every(seconds) or Schedule(…)"
        raise InvalidInput("schedule", schedule, allowed)
    if schedule.name:
        raise InvalidInput("schedule.name", schedule.name, "give the name beside it")
    return schedule


def _busy(name: str) -> Conflict:
    return ScheduleConflict(name, "change", f"it changed {TRIES} times meanwhile; try again")
