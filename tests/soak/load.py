"""Somebody who enqueues at a steady rate, and notes down how long it took, and the jobs waited."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from kiribi import Job, Kiribi
from kiribi.job import OPEN

KINDS = ("COROUTINE", "THREADED", "IN_PROCESS", "COROUTINE", "THREADED")
FAILS_EACH = 50
"""One in so many jobs fails at first."""
WATCHED_EACH = 3
LOOKED_FOR = 500
"""Jobs looked for at a time."""


class Load:
    """Enqueues until it is told to stop.

    Attributes:
        accepted: jobs whose `enqueue` returned.
        calls: seconds that each call took since the last sample.
    """

    def __init__(self, kiribi: Kiribi, rate: float) -> None:
        self._kiribi = kiribi
        self._rate = rate
        self._watched: deque[str] = deque()
        self.accepted = 0
        self.calls: list[float] = []

    async def run(self, seconds: float) -> None:
        """Enqueue at the rate; where it cannot be kept up, what was left out is not made up for."""
        began = time.monotonic()
        number = 0
        while (due := number / self._rate) < seconds:
            late = time.monotonic() - began - due
            if late < 0:
                await asyncio.sleep(-late)
            elif late > 1:
                number += int(late * self._rate)
                continue
            await self._enqueue(number)
            number += 1

    async def _enqueue(self, number: int) -> None:
        payload = {"text": "x" * (number % 7 * 300), "fails": number % FAILS_EACH == 0}
        start = time.monotonic()
        job = await self._kiribi.enqueue(KINDS[number % len(KINDS)], payload)
        self.calls.append(time.monotonic() - start)
        self.accepted += 1
        if number % WATCHED_EACH == 0:
            self._watched.append(job.id)

    async def waits(self) -> list[float]:
        """Seconds that watched jobs waited, of those that have begun since the last time."""
        ids = [self._watched.popleft() for _ in range(min(len(self._watched), LOOKED_FOR))]
        jobs = await self._kiribi.store.find(ids)
        self._watched.extend(job.id for job in jobs if job.started_ms is None)
        return [waited(job) for job in jobs if job.started_ms is not None]

    async def open(self) -> int:
        """How many jobs have not ended."""
        return (await self._kiribi.count({"status": sorted(OPEN)})).value


def waited(job: Job) -> float:
    """Seconds from when it was accepted to when its last attempt began."""
    assert job.started_ms is not None
    return max(0, job.started_ms - job.created_ms) / 1000
