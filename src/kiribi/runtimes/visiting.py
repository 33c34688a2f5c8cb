"""`Kiribi.perform` within an invocation of Workers: one job, claimed by its id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from kiribi._execution import Ended
from kiribi.job import Job
from kiribi.runtimes.invocation import Invocation

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

LOOK_SECONDS = 1.0
"""Between two looks while the job has to wait."""
LINGER_SECONDS = 20.0
"""How long work may go on that its caller waits for no more: the platform gives it 30."""
LEASE_SECONDS = 60.0
"""Until a job whose invocation was cut off runs again, counted from the end of the wait."""


class Visiting:
    """See `_here.AtHand`. What does not end within the wait ends here, or is handed back.

    Args:
        visit: an invocation with a lease of so many seconds.
        keep: has the platform wait for work that goes on after the answer.
        enter: called before the first job runs.
        flush: sends what was rung.
    """

    def __init__(
        self,
        kiribi: Kiribi,
        visit: Callable[[float], Invocation],
        keep: Callable[[asyncio.Future[Ended | None]], None],
        enter: Callable[[], Awaitable[None]],
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        self._kiribi = kiribi
        self._visit = visit
        self._keep = keep
        self._enter = enter
        self._flush = flush

    async def perform(self, job: Job, wait: float) -> BaseException | None:
        """See `_here.AtHand`."""
        until = time.monotonic() + wait
        await self._enter()
        while (left := until - time.monotonic()) > 0:
            task = asyncio.ensure_future(self._try(job, left))
            self._keep(task)
            if not (await asyncio.wait([task], timeout=left))[0]:
                return None
            ended = task.result()
            if ended is None:
                current = await self._kiribi.find(job.id)
                if current is None or current.status.is_final:
                    return None
                await asyncio.sleep(min(left, LOOK_SECONDS))
            elif ended.change.status.is_final:
                return ended.error
        return None

    async def close(self) -> None:
        """See `_here.AtHand`: the platform waits for it, not we."""

    async def _try(self, job: Job, left: float) -> Ended | None:
        """One attempt; None: it could not be claimed, or its outcome came too late."""
        visit = self._visit(left + LEASE_SECONDS)
        running = asyncio.ensure_future(visit.run(1, ids=[job.id]))
        if not (await asyncio.wait([running], timeout=left + LINGER_SECONDS))[0]:
            visit.hand_back()
        await running
        await self._flush()
        return visit.settled[0] if visit.settled else None
