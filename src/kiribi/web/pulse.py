"""The pulse: counts, health in one line, and a tag that changes with them; one look a second."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from kiribi._version import __version__
from kiribi.job import JobStatus
from kiribi.manager import Kiribi
from kiribi.search import Pulse
from kiribi.web.response import JSON
from kiribi.web.wire import iso_or_none

FRESH_SECONDS = 1.0
LATE_MS = 60_000
"""A due job that waits longer than this is worth a warning."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One pulse as it is sent; equal tags mean equal bodies.

    Attributes:
        mark: where the doorbell stood before the store was looked at.
    """

    body: bytes
    tag: str
    mark: int


class Pulses:
    """Looks at the store at most once a second, however many ask."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi
        self._last: Taken | None = None
        self._fresh_until = 0.0
        self._looking = asyncio.Lock()

    async def current(self) -> Taken:
        """The pulse, not older than a second."""
        async with self._looking:
            if self._last is None or time.monotonic() >= self._fresh_until:
                mark = self._kiribi.queue.mark()
                pulse = await self._kiribi.pulse()
                body = bytes(JSON(beat(pulse, await self._kiribi.store.now_ms())).body)
                tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
                self._last = Taken(body, tag, mark)
                self._fresh_until = time.monotonic() + FRESH_SECONDS
            return self._last


def beat(pulse: Pulse, now_ms: int) -> dict[str, Any]:
    """A pulse as JSON."""
    counts = Counter[JobStatus](dict.fromkeys(JobStatus, 0))
    for each in pulse.bindings:
        counts.update(each.by_status)
    level, message = health(pulse, counts, now_ms)
    return {
        "cursor": pulse.cursor,
        "health": {"level": level, "message": message},
        "counts": counts,
        "bindings": [
            {"binding": each.binding, "counts": dict(each.by_status)} for each in pulse.bindings
        ],
        "oldestDueAt": iso_or_none(pulse.oldest_due_ms),
        "oldestDueId": pulse.oldest_due_id,
        "unserved": pulse.unserved,
        "paused": pulse.paused,
        "workers": pulse.workers,
        "version": __version__,
    }


def health(pulse: Pulse, counts: Counter[JobStatus], now_ms: int) -> tuple[str, str]:
    """Level and one line, the worst first."""
    late = pulse.oldest_due_ms is not None and now_ms - pulse.oldest_due_ms > LATE_MS
    if late and not pulse.workers:
        return "bad", "Jobs are due and no worker is alive"
    if pulse.unserved:
        return "warn", f"No live worker serves {', '.join(pulse.unserved)}"
    if late:
        return "warn", "Due jobs have been waiting for over a minute"
    if pulse.paused:
        return "warn", f"Paused: {', '.join(pulse.paused)}"
    running, workers = counts[JobStatus.PROCESSING], pulse.workers
    return "ok", f"{_many(running, 'job')} running, {_many(workers, 'worker')}"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
