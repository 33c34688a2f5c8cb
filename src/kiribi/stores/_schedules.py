"""Schedules in a SQL store: read by name or by time, changed by compare-and-set only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from kiribi._scheduled import DueSchedules, ScheduleChange, ScheduleInfo
from kiribi.job import Job, JobStatus
from kiribi.ports import NewJob
from kiribi.stores._batches import Batch, Batches, Write
from kiribi.stores._rows import Row, dumps


class SchedulesDiffer(Exception):
    """The batch was aborted by `refuse_schedules`."""


class ScheduleTable(Batches):
    """The part of a SQL store that keeps schedules."""

    @abstractmethod
    async def _insert(self, jobs: Sequence[NewJob], write: Write) -> list[Job]: ...

    async def schedules(
        self, names: Sequence[str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[ScheduleInfo]:
        """See `ports.Store`."""
        if names is None:
            (rows,) = await self._read([("list_schedules", (after, limit))])
        else:
            (rows,) = await self._read([("find_schedules", (dumps(names),))])
        return [_schedule(row) for row in rows]

    async def due_schedules(self, limit: int) -> DueSchedules:
        """See `ports.Store`."""
        now, due, anew = await self._read(
            [("now", ()), ("due_schedules", (limit,)), ("declared_anew", ())]
        )
        changed = {row[0]: (_schedule(row), str(row[-1])) for row in anew}
        return DueSchedules(now[0][0], [_schedule(row) for row in due], list(changed.values()))

    async def change_schedules(self, changes: Sequence[ScheduleChange]) -> list[Job] | None:
        """See `ports.Store`."""
        if not changes:
            return []
        dropped = [_name(change) for change in changes if change.becomes is None]
        put = [_put(change.becomes) for change in changes if change.becomes is not None]
        first: list[tuple[str, tuple[str, ...]]] = [
            ("refuse_schedules", (dumps([_expected(change) for change in changes]),))
        ]
        if dropped:
            first.append(("drop_schedules", (dumps(dropped),)))
        if put:
            first.append(("put_schedules", (dumps(put),)))
        jobs = [job for change in changes for job in change.jobs]

        async def write(batch: Batch) -> list[list[Row]]:
            return (await self._write([*first, *batch]))[len(first) :]

        try:
            if jobs:
                return await self._insert(jobs, write)
            await write([])
        except SchedulesDiffer:
            return None
        return []

    async def declared(self, name: str) -> bool:
        """See `ports.Store`."""
        return bool((await self._read([("declared", (name,))]))[0])

    async def declare(self, worker: str, schedules: Sequence[ScheduleInfo]) -> None:
        """See `ports.Store`."""
        declared = dumps([(one.name, one.definition) for one in schedules])
        put = dumps([_put(one) for one in schedules])
        await self._write([("declare", (worker, declared)), ("add_schedules", (put,))])


def _name(change: ScheduleChange) -> str:
    return (change.was or change.becomes or ScheduleInfo("", "")).name


def _expected(change: ScheduleChange) -> tuple[str, str | None, int | None, bool, bool]:
    was = change.was
    if was is None:
        return _name(change), None, None, False, False
    alone = bool(change.jobs) and not was.schedule.overlap
    return was.name, was.definition, was.next_ms, was.paused, alone


def _put(one: ScheduleInfo) -> tuple[str | int | None, ...]:
    flags = (int(one.paused), int(one.declared))
    return (one.name, one.definition, one.next_ms, *flags, one.last_tick_ms, one.last_job)


def _schedule(row: Row) -> ScheduleInfo:
    name, definition, next_ms, paused, declared, tick, job, status, created_ms, *_ = row
    last = None if status is None else JobStatus(status)
    return ScheduleInfo(
        name, definition, next_ms, paused == 1, declared == 1, tick, job, last, created_ms
    )
