"""Cron expressions by the clock of a time zone. Loaded by those alone who have one.

cronsim says which local times match; which moments these are is decided here, by one rule for
every zone, whatever its shift (cronsim's own steps of an hour miss times after one of half an
hour).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from kiribi.errors import InvalidInput

FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L or LW",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT (0 and 7 are Sunday), 5L or MON#2",
}
SYNTAX = "with * , lists 1,3 ranges 1-5 or steps */5"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2000, 1, 1)  # noqa: DTZ001 # local times have no zone here
SHIFT = timedelta(hours=3)
"""More than any clock is put back by."""
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)


def checked(expression: object) -> str:
    """The expression with single spaces.

    Raises:
        InvalidInput: naming the field that is wrong.
    """
    parts = expression.split() if isinstance(expression, str) else []
    if len(parts) != len(FIELDS):
        raise InvalidInput("cron", expression, f"give five fields: {' '.join(FIELDS)}")
    for (name, allowed), part in zip(FIELDS.items(), parts, strict=True):
        alone = " ".join(part if name == other else "*" for other in FIELDS)
        if not part.isascii() or not _reads(alone):
            raise InvalidInput(f"cron.{name}", part, f"give {allowed}, {SYNTAX}")
    if not _reads(" ".join(parts)):
        raise InvalidInput("cron.day-of-month", parts[2], "give a day that the months have")
    return " ".join(parts)


def _reads(expression: str) -> bool:
    try:
        CronSim(expression, START)
    except (CronSimError, AssertionError):
        return False
    return True


def checked_zone(name: object) -> str:
    """The name of a time zone.

    Raises:
        InvalidInput: there is none of this name.
    """
    known: list[str] = []
    if isinstance(name, str):
        try:
            return zone(name).key
        except (LookupError, ValueError, OSError):
            known = difflib.get_close_matches(name, sorted(available_timezones()), n=1)
    hint = f"did you mean {known[0]!r}? " if known else ""
    raise InvalidInput("tz", name, f"{hint}give an IANA time zone, such as Asia/Tokyo")


zone = lru_cache(maxsize=64)(ZoneInfo)
"""The time zone of a name."""


def ticks(expression: str, tz: str, after_ms: int) -> Iterator[int]:
    """The ticks after a time, epoch milliseconds, strictly increasing."""
    minute, hour, *_ = expression.split()
    showing = minute.startswith("*") or hour.startswith("*")
    after = EPOCH + after_ms * MILLISECOND
    at_last = after_ms
    for at in _moments(expression, zone(tz), after, twice=showing):
        ms = (at - EPOCH) // MILLISECOND
        if ms > at_last:
            yield ms
            at_last = ms


def _moments(
    expression: str, zone: ZoneInfo, after: datetime, *, twice: bool
) -> Iterator[datetime]:
    """The moments of all matching local times, from some before `after` on.

    `twice`: also the second of a local time that there is twice, and none of those that there
    are not.
    """
    second: list[datetime] = []  # those of a repeated hour, until the first ones are through
    for local in _local_times(expression, zone, after):
        early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        offsets = early.utcoffset() or timedelta(), late.utcoffset() or timedelta()
        if offsets[0] < offsets[1]:  # clocks are put forward past it
            if twice:
                continue
            early = _after_gap(local, zone)
        moment = early.astimezone(UTC)
        while second and second[0] < moment:
            yield second.pop(0)
        yield moment
        if twice and offsets[0] > offsets[1]:
            second.append(late.astimezone(UTC))
    yield from second


def _local_times(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Matching local times that may be after `after`."""
    try:
        before, now, later = (
            (after + shift).astimezone(zone).replace(tzinfo=None) - after.replace(tzinfo=None)
            for shift in (-SHIFT, timedelta(), SHIFT)
        )
        start = after.replace(tzinfo=None) + now
        if not before + SHIFT == now == later - SHIFT:
            start -= SHIFT  # the clock may show again what it has shown
        yield from CronSim(expression, start)
    except OverflowError:
        return  # the calendar ends


def _after_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after the gap that a local time is in."""
    while True:
        local += MINUTE
        early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if early.utcoffset() == late.utcoffset():
            return early
