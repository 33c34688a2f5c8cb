"""When recurring jobs are due: pure, from a time to the next. The time zone rules are `_cron`'s.

Ticks are a function of the schedule alone: whoever computes them, in whatever order and after
whatever crash, finds the same.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from kiribi.errors import InvalidInput, checked_seconds

Missed = Literal["once", "all", "skip"]
MISSED: tuple[Missed, ...] = get_args(Missed)
MOST_MISSED = 1_000
"""Of the ticks missed by a schedule that runs all, the last so many are run."""
FRESH_MS = 60_000
"""A tick counts as missed when nobody has fired it for so long."""
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Cron:
    """Whenever the clock of a time zone shows what a cron expression says.

    The five fields of Debian's cron: minute, hour, day of month, month, day of week, with `*`,
    lists, ranges, steps, names, `L` (last day), `LW` (last weekday), `5L` (last Friday), `MON#2`
    (second Monday). If both days are given, either will do.

    Where clocks are put forward, a time of day that does not exist runs at the first moment
    after the gap; where they are put back, one that occurs twice runs at its first. If minute or
    hour begin with `*` the expression means no times of day: it runs whenever the clock shows
    what it says, so twice in an hour that is repeated, and not at all in one left out.

    Args:
        expression: such as `"0 9 * * 1-5"`.
        tz: an IANA time zone, such as `"Asia/Tokyo"`.

    Raises:
        InvalidInput: naming the field of the expression, or the zone.
    """

    expression: str
    tz: str = "UTC"

    def __post_init__(self) -> None:
        from kiribi import _cron

        object.__setattr__(self, "expression", _cron.checked(self.expression))
        _cron.checked_zone(self.tz)
        if self.next_after(0) is None:
            raise InvalidInput("cron", self.expression, "give one that some day fits")

    def ticks(self, after_ms: int) -> Iterator[int]:
        """The ticks after a time, epoch milliseconds, in order."""
        from kiribi import _cron

        return _cron.ticks(self.expression, self.tz, after_ms)

    def next_after(self, ms: int) -> int | None:
        """The first tick after a time; None: there is none within 50 years."""
        return next(self.ticks(ms), None)


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds of elapsed time, counted from 1970-01-01T00:00Z.

    `Every(300)` runs at the full five minutes, wherever and whenever it was declared.

    Raises:
        InvalidInput: below 1 second, above one year, or not in whole milliseconds.
    """

    seconds: float

    def __post_init__(self) -> None:
        seconds = checked_seconds("every", self.seconds, least=1)
        if seconds * 1000 != round(seconds * 1000):
            raise InvalidInput("every", self.seconds, "give seconds with at most three decimals")
        object.__setattr__(self, "seconds", int(seconds) if seconds == int(seconds) else seconds)

    def ticks(self, after_ms: int) -> Iterator[int]:
        """The ticks after a time, epoch milliseconds, in order."""
        step = round(self.seconds * 1000)
        tick = after_ms // step * step
        while True:
            tick += step
            yield tick

    def next_after(self, ms: int) -> int:
        """The first tick after a time."""
        return next(self.ticks(ms))


When = Cron | Every


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring job, as a performer declares it: `schedule = Schedule(Cron("0 9 * * *"), …)`.

    Attributes:
        when: its ticks.
        payload: of its jobs.
        name: tells the schedules of one performer apart.
        missed: what becomes of ticks that nobody fired for over a minute: "once" runs the last
            of them, "all" each (the last 1,000), "skip" none.
        overlap: False: a tick is left out while the job before has not ended.
        options: of its jobs, as of `enqueue`: max_attempts, retry_delay, timeout, priority,
            concurrency_key.

    Raises:
        InvalidInput: naming what is wrong.
    """

    when: When
    payload: Any = None
    name: str = ""
    missed: Missed = "once"
    overlap: bool = True
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.when), Cron | Every):
            raise InvalidInput("when", self.when, "give Cron(expression, tz) or Every(seconds)")
        if self.missed not in MISSED:
            raise InvalidInput("missed", self.missed, f"give {', '.join(MISSED)}")
        if not isinstance(cast("object", self.overlap), bool):
            raise InvalidInput("overlap", self.overlap, "give True or False")
        if not isinstance(cast("object", self.name), str):
            raise InvalidInput("name", self.name, "give a text")
        if not isinstance(cast("object", self.options), Mapping):
            raise InvalidInput("options", self.options, "give a mapping of options")


def due(when: When, missed: Missed, next_ms: int, now_ms: int) -> list[int]:
    """The ticks to run now, of a schedule whose next is (or was) `next_ms`; in order."""
    if next_ms > now_ms:
        return []
    late = next_ms < now_ms - FRESH_MS
    if late and missed == "once":
        return last(when, next_ms, now_ms, 1)
    if late and missed == "skip":
        next_ms = now_ms - FRESH_MS
    return last(when, next_ms, now_ms, MOST_MISSED)


def last(when: When, from_ms: int, to_ms: int, most: int) -> list[int]:
    """The last `most` ticks of a time, its ends included; in order.

    Looks back in growing steps: after years of silence there may be millions.
    """
    span = MINUTE_MS * most
    while True:
        start = max(from_ms, to_ms - span)
        found: deque[int] = deque(maxlen=most)
        for tick in when.ticks(start - 1):
            if tick > to_ms:
                break
            found.append(tick)
        if start == from_ms or len(found) == most:
            return list(found)
        span *= 4


def definition(binding: str, schedule: Schedule, payload: str) -> str:
    """A schedule as JSON text, always the same for the same; `payload` is JSON text too."""
    when = schedule.when
    ticks = (
        {"cron": when.expression, "tz": when.tz}
        if isinstance(when, Cron)
        else {"every": when.seconds}
    )
    parts = {
        "binding": binding,
        **ticks,
        "missed": schedule.missed,
        "overlap": schedule.overlap,
        "options": schedule.options,
        "payload": json.loads(payload),
    }
    return json.dumps(parts, separators=(",", ":"))


def defined(text: str) -> tuple[str, Schedule]:
    """The binding and the schedule of a definition.

    Raises:
        InvalidInput: its time zone is not known here.
    """
    parts: dict[str, Any] = json.loads(text)
    every = parts.get("every")
    when = Cron(parts["cron"], parts["tz"]) if every is None else Every(every)
    schedule = Schedule(
        when,
        parts["payload"],
        missed=parts["missed"],
        overlap=parts["overlap"],
        options=parts["options"],
    )
    return parts["binding"], schedule
