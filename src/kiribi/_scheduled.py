"""Schedules as the store keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kiribi.job import JobStatus
from kiribi.schedule import Schedule, defined

if TYPE_CHECKING:
    from kiribi.ports import NewJob


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """A schedule as the store knows it. `*_ms` are epoch milliseconds of the store's clock.

    Attributes:
        definition: binding, ticks, payload and the rest, as JSON text (`kiribi.schedule`).
        next_ms: its next tick; None while paused, or if there is none any more.
        declared: by a performer's class; else it was made by a call.
        last_tick_ms: the last tick that was run.
        last_job: the last job it made.
        last_status: of that job; None if it is not there any more.
    """

    name: str
    definition: str
    next_ms: int | None = None
    paused: bool = False
    declared: bool = False
    last_tick_ms: int | None = None
    last_job: str | None = None
    last_status: JobStatus | None = None
    created_ms: int = 0

    @property
    def binding(self) -> str:
        """Of its jobs."""
        return json.loads(self.definition)["binding"]

    @property
    def schedule(self) -> Schedule:
        """What the definition says.

        Raises:
            InvalidInput: this machine does not know its time zone.
        """
        return defined(self.definition)[1]


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """What becomes of one schedule, if it still is as it `was` (None: not there).

    Attributes:
        becomes: None: it is deleted.
        jobs: stored with the change. Those of a schedule without overlap only while its last
            job has ended.
    """

    was: ScheduleInfo | None
    becomes: ScheduleInfo | None
    jobs: Sequence[NewJob] = ()


@dataclass(frozen=True, slots=True)
class DueSchedules:
    """What one look at the schedules shows.

    Attributes:
        now_ms: the store's clock.
        schedules: those due by then or within the next second, the longest due first.
        anew: those whose definition no live worker declares any more, with the one that the
            youngest declares instead.
    """

    now_ms: int
    schedules: Sequence[ScheduleInfo]
    anew: Sequence[tuple[ScheduleInfo, str]]
