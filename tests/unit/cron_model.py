"""A clock on the wall, watched minute by minute: an independent model of `kiribi.schedule.Cron`.

It knows no library for cron. It remembers the latest time the clock has shown, so it notices by
itself when the clock jumps or shows something again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
NAMES = {name: at for at, name in enumerate(WEEK)}
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def values(part: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for term in part.split(","):
        base, _, step = term.partition("/")
        first, _, last = base.partition("-")
        low = least if base == "*" else _number(first)
        high = most if base == "*" else _number(last) if last else low
        found.update(range(low, high + 1, int(step or 1)))
    return found


def _number(text: str) -> int:
    return NAMES[text] if text in NAMES else int(text)


class Expression:
    def __init__(self, text: str) -> None:
        parts = text.split()
        self.minutes, self.hours, self.days, self.months, weekdays = (
            values(part, *bounds) for part, bounds in zip(parts, RANGES, strict=True)
        )
        self.weekdays = {day % 7 for day in weekdays}
        self.both = "*" in parts[2][0] + parts[4][0]
        self.showing = "*" in parts[0][0] + parts[1][0]

    def fits(self, local: datetime) -> bool:
        if local.minute not in self.minutes or local.hour not in self.hours:
            return False
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return local.month in self.months and (day and weekday if self.both else day or weekday)


def wall(zone: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Each minute, and what the clock shows then."""
    tz, at = ZoneInfo(zone), start
    while at < end:
        yield at, at.astimezone(tz).replace(tzinfo=None, fold=0)
        at += MINUTE


def ticks(text: str, clock: list[tuple[datetime, datetime]]) -> list[int]:
    """When it runs, epoch milliseconds, but for the clock's first three hours."""
    expression = Expression(text)
    found: list[datetime] = []
    latest = clock[0][1] - MINUTE
    for at, local in clock:
        if expression.showing:
            if expression.fits(local):
                found.append(at)
        elif local > latest:
            shown = latest + MINUTE
            while shown < local and not expression.fits(shown):
                shown += MINUTE  # what the clock has jumped over
            if expression.fits(shown):
                found.append(at)
        latest = max(latest, local)
    begin = clock[0][0] + timedelta(hours=3)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return [int((at - epoch) / timedelta(milliseconds=1)) for at in found if at >= begin]
