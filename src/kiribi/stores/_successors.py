"""Jobs that run after others: held until these have ended, then made due or cancelled.

An end and what follows from it are two batches: the first says whether anybody waits, so that jobs
for which nobody does cost nothing. Whoever dies in between loses nothing: `repair` finds what is
left to do from what is stored.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kiribi.errors import StoreError
from kiribi.job import JobError, JobStatus
from kiribi.lifecycle import Change
from kiribi.ports import Ring
from kiribi.stores._rows import Row, dumps

if TYPE_CHECKING:
    from kiribi.stores._changes import Taken

logger = logging.getLogger("kiribi")

Ended = tuple[str, str | None]
"""A job's id and, if it is gone, its last status."""

STEP = 1_000
"""Successors decided at a time."""
ROUNDS = 100
"""How far one end is followed along a chain; `repair` goes on from there."""
READ_EDGES = 20_000
"""What `repair` reads at a time, more than one job can wait for."""


class Successors:
    """What follows when jobs have ended. `apply` is the store's own, without what follows."""

    def __init__(
        self,
        write: Callable[[Sequence[tuple[str, tuple[Any, ...]]]], Awaitable[list[list[Row]]]],
        read: Callable[..., Awaitable[list[Row]]],
        apply: Callable[[Sequence[Change]], Awaitable[Taken]],
    ) -> None:
        self._write = write
        self._read = read
        self._apply = apply
        self._from = ""
        self.ring: Ring | None = None

    def freed(self, bindings: Collection[str]) -> None:
        """Ring for those who may start where the limits of `bindings` forbade it."""
        if bindings and self.ring is not None:
            self.ring((0,), bindings)

    async def ended(self, ended: Sequence[Ended]) -> None:
        """Let go of the jobs that waited for `ended` alone, or cancel them, and so on."""
        if ended:
            await self._followed(ended, ())

    async def enqueued(self, held: Sequence[str]) -> None:
        """Let go of those new jobs whose predecessors have ended already."""
        await self._followed((), held)

    async def repair(self) -> int:
        """Do what somebody has left undone; how many ends and jobs that concerned."""
        ((ended, held, self._from),) = await self._read("overlooked", self._from, READ_EDGES)
        left = [(id, None) for id in dict.fromkeys(json.loads(ended))]
        waiting: list[str] = json.loads(held)
        await self._followed(left, waiting)
        return len(left) + len(waiting)

    async def _followed(self, ended: Sequence[Ended], held: Iterable[str]) -> None:
        try:
            for _ in range(ROUNDS):
                ids = set(held)
                if ended:
                    (rows,) = await self._write([("note_ends", (dumps(ended),))])
                    ids.update(id for (id,) in rows)
                ended, held = await self._decided(sorted(ids)), ()
                if not ended:
                    return
        except StoreError as error:
            # What led here is stored and must not seem to have failed.
            logger.warning("jobs that wait for others wait for the next tick: %s", error)

    async def _decided(self, held: Sequence[str]) -> list[Ended]:
        """Change those of `held` jobs that wait no longer; what of them ended by that."""
        ended: list[Ended] = []
        for start in range(0, len(held), STEP):
            rows = await self._read("decide_held", dumps(held[start : start + STEP]))
            if not rows:
                continue
            changes = [_change(row) for row in rows]
            taken = await self._apply(changes)
            ended += taken.ended
            if self.ring is not None:
                delays = [one.delay_ms for one in changes if one.id in taken.jobs]
                bindings = {binding for binding in taken.jobs.values() if binding is not None}
                self.ring([ms / 1000 for ms in delays if ms is not None], bindings or None)
        return ended


def _change(row: Row) -> Change:
    """What becomes of a held job, from a row of `decide_held.sql`."""
    id, attempts, failures, crashes, cause, delay_ms = row
    pending = JobStatus.PENDING
    if cause is None:
        return Change(id, pending, attempts, pending, failures, crashes, round(delay_ms), held=True)
    earlier, how = json.loads(cause)
    error = JobError("NotRun", f"it was to run after job {earlier}, which was {how}")
    cancelled = JobStatus.CANCELLED
    return Change(id, pending, attempts, cancelled, failures, crashes, error=error, held=True)
