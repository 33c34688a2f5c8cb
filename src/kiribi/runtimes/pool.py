"""Slots of one executor, and the bindings they serve."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kiribi._attempt import Running
from kiribi.job import Job
from kiribi.performer import ExecutorName


class Pool:
    """What is running and what is not yet settled.

    Attributes:
        performing: attempts whose work runs: each takes a slot.
        held: jobs claimed and not yet settled, by id, with the attempt: what rescue would look at.
    """

    def __init__(self, name: ExecutorName, bindings: tuple[str, ...], slots: int) -> None:
        self.name: ExecutorName = name
        self.bindings = bindings
        self.slots = slots
        self.performing: dict[str, Running] = {}
        self.held: dict[str, int] = {}
        self.freed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many more to claim; unsettled outcomes may pile up to one more load of slots."""
        return min(self.slots - len(self.performing), 2 * self.slots - len(self.held))

    def take(self, attempt: Running) -> None:
        """A claimed job takes a slot."""
        self.performing[attempt.job.id] = attempt
        self.held[attempt.job.id] = attempt.job.attempts

    def release(self, attempt: Running) -> None:
        """Its work has ended; it is still held until settled."""
        del self.performing[attempt.job.id]
        self.freed.set()

    def settled(self, jobs: Iterable[Job]) -> None:
        """The outcomes of these attempts are stored; the next one of a job may be held already."""
        for job in jobs:
            if self.held.get(job.id) == job.attempts:
                del self.held[job.id]
        self.freed.set()
