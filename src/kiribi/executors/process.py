"""`executor = "process"`: in a child process that can be killed."""

from __future__ import annotations

import asyncio
from typing import Any

from kiribi._attempt import Running
from kiribi._failure import Raised
from kiribi.executors.slot import NotBegun, Slot
from kiribi.job import JobError
from kiribi.performer import Performer

TRIES = 3
"""How often a child that dies before it has begun the job is replaced by another."""


class ProcessExecutor:
    """One spawned child a slot, started when first needed and used again.

    The application is imported anew in it, from `source`.
    """

    def __init__(self, source: str, slots: int) -> None:
        self._source = source
        self._free = asyncio.Semaphore(slots)
        self._idle: list[Slot] = []
        self._busy: set[Slot] = set()

    async def run(self, attempt: Running, performer: Performer, payload: Any) -> Any:
        """See `ports.Executor`. The child reads the stored payload for itself."""
        del payload
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine run by a worker has a task
        attempt.interrupt = task.cancel
        async with self._free:
            how = ""
            for _ in range(TRIES):
                attempt.interrupt = task.cancel
                if attempt.stopping:
                    raise asyncio.CancelledError
                slot = self._idle_one() or await Slot.start(self._source)
                self._busy.add(slot)
                try:
                    return await slot.perform(attempt, type(performer))
                except NotBegun as error:
                    how = str(error)
                finally:
                    self._busy.discard(slot)
                    if slot.fit:
                        self._idle.append(slot)
                    else:
                        await slot.kill()
        raise Raised(JobError("ProcessNotStarted", how))

    def _idle_one(self) -> Slot | None:
        while self._idle:
            slot = self._idle.pop()
            if slot.fit:
                return slot
        return None

    async def close(self) -> None:
        """End the children: those that work, at once."""
        await asyncio.gather(
            *(slot.kill() for slot in self._busy), *(slot.close() for slot in self._idle)
        )
        self._idle.clear()
