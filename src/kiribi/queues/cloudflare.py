"""The doorbell on Workers: messages that say how many jobs become due, never which.

A ring is sent when the invocation that rang ends. A message that could not be sent, or that never
arrives, costs delay, not a job: the next tick rings again.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, cast

logger = logging.getLogger("kiribi")

MOST_JOBS = 10
"""Jobs a message stands for: as many as an invocation runs at a time."""
MOST_MESSAGES = 100
"""Messages sent in one call, which is the platform's limit."""
MOST_SECONDS = 86_400
"""The longest delay of a message; jobs due later are rung by the tick."""

Send = Callable[[list[dict[str, Any]]], Awaitable[object]]
"""`sendBatch` of a queue: `[{"body": …, "delaySeconds": …}, …]`."""


class CloudflareQueue:
    """See `ports.Queue`. `send` may fail with anything: it is logged."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._due: Counter[int] = Counter()
        self._again = 0

    def ring(self, delays: Iterable[float] = (0,), bindings: Collection[str] | None = None) -> None:
        """See `ports.Queue`. An invocation serves all bindings."""
        del bindings
        for seconds in delays:
            if seconds <= MOST_SECONDS:
                self._due[max(0, math.ceil(seconds))] += 1

    def ring_again(self, jobs: int) -> None:
        """Ring for so many due jobs whose messages were lost; who hears it, rings for the rest."""
        self._again += jobs

    async def flush(self) -> None:
        """Send what was rung."""
        messages = [
            {"body": {"count": count}, "delaySeconds": seconds}
            for seconds, jobs in sorted(self._due.items())
            for count in _portions(jobs)
        ]
        messages += [{"body": {"count": n, "again": True}} for n in _portions(self._again)]
        self._due.clear()
        self._again = 0
        for start in range(0, len(messages), MOST_MESSAGES):
            try:
                await self._send(messages[start : start + MOST_MESSAGES])
            except Exception:
                # The jobs are stored: failing the call now would only make its caller repeat it.
                logger.exception("the queue took no messages: the next tick rings")
                return

    def mark(self) -> int:
        """See `ports.Queue`."""
        return 0

    async def wait(
        self, mark: int, timeout: float, bindings: Collection[str] | None = None
    ) -> bool:
        """See `ports.Queue`. Nothing is heard within an invocation: it only waits."""
        del mark, bindings
        await asyncio.sleep(timeout)
        return False

    async def close(self) -> None:
        """See `ports.Queue`."""


def jobs_in(body: Any) -> int:
    """How many jobs a message stands for; one that is none of ours stands for one."""
    count = _field(body, "count")
    return count if isinstance(count, int) and 0 < count <= MOST_JOBS else 1


def stands_for_lost(body: Any) -> bool:
    """Whether a message stands for others that were lost: who hears it rings for the rest."""
    return _field(body, "again") is True


def _field(body: Any, name: str) -> object:
    return cast("Mapping[str, object]", body).get(name) if isinstance(body, Mapping) else None


def _portions(jobs: int) -> list[int]:
    full, rest = divmod(jobs, MOST_JOBS)
    return [MOST_JOBS] * full + [rest] * (rest > 0)
