"""The figures of every SQL store: counters, statistics, and what went wrong by cause."""

from __future__ import annotations

from collections.abc import Sequence

from kiribi.job import OPEN
from kiribi.search import BindingStats, FailureGroup, Pulse
from kiribi.stores import _rows
from kiribi.stores._batches import Batches
from kiribi.stores._rows import dumps

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MINUTES_KEPT = 2 * HOUR
HOURS_KEPT = 8 * DAY


class Figures(Batches):
    """What is read without looking at jobs."""

    async def pulse(self) -> Pulse:
        """See `ports.Store`."""
        counters, oldest, bindings, workers = await self._read(
            [("counters", (None,)), ("oldest_due", ()), ("bindings", ()), ("workers", ())]
        )
        counted = tuple(_rows.counts(row) for row in counters)
        live = [w for w in map(_rows.worker, workers) if w.lease_ms > 0 and w.dead_reason is None]
        served = {binding for worker in live for binding in worker.bindings}
        return Pulse(
            cursor=sum(row[7] for row in counters),
            bindings=counted,
            oldest_due_ms=oldest[0][0],
            unserved=tuple(
                one.binding
                for one in counted
                if one.binding not in served and _rows.total([one], OPEN)
            ),
            paused=tuple(one.name for one in map(_rows.binding, bindings) if one.paused),
            workers=sum(worker.slots > 0 for worker in live),
            oldest_due_id=oldest[0][1],
        )

    async def stats(
        self, *, since_ms: int, bucket_ms: int | None = None, bindings: Sequence[str] = ()
    ) -> list[BindingStats]:
        """See `ports.Store`. Buckets finer than what is kept for their time come as kept."""
        asked = dumps(bindings) if bindings else None
        now = self._now()
        since = _kept_from(since_ms, now)
        rows = await self._rows("stats", since, bucket_ms, asked)
        return [_rows.stats(row, now, bucket_ms) for row in rows]

    async def failures(
        self, *, since_ms: int, bindings: Sequence[str] = (), limit: int = 50
    ) -> list[FailureGroup]:
        """See `ports.Store`."""
        asked = dumps(bindings) if bindings else None
        return [FailureGroup(*row) for row in await self._rows("failures", since_ms, asked, limit)]

    async def roll_up(self) -> None:
        """See `ports.Store`."""
        now = self._now()
        minutes, hours = now - MINUTES_KEPT, now - HOURS_KEPT
        await self._write(
            [
                ("roll_up", (MINUTE, minutes, HOUR)),
                ("roll_up_totals", (minutes,)),
                ("drop_stats", (MINUTE, minutes)),
                ("roll_up", (HOUR, hours, DAY)),
                ("drop_stats", (HOUR, hours)),
                ("drop_lanes", ()),
            ]
        )


def _kept_from(since_ms: int, now_ms: int) -> int:
    """The start of the minute, hour or day, whichever is kept for that time."""
    for span, kept in ((MINUTE, MINUTES_KEPT), (HOUR, HOURS_KEPT)):
        start = since_ms - since_ms % span
        if start >= now_ms - kept:
            return start
    return since_ms - since_ms % DAY
