"""`Kiribi.perform` in the calling process: a worker that serves only what its manager asks."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self

from kiribi._attempt import Reports, Running, over
from kiribi._execution import Ended, Execution
from kiribi._lease import ThreadLease, this_worker
from kiribi._settler import Settler, ring_for
from kiribi.executors import Executors
from kiribi.job import Job

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

logger = logging.getLogger("kiribi")

CONCURRENCY = 100
"""Coroutines performed here at a time, at most."""
LOOK_SECONDS = 1.0
"""The longest it trusts the doorbell while its job has to wait."""
STOP_SECONDS = 5.0
"""How long interrupted work may take to end at `close`."""


class AtHand(Protocol):
    """Runs given jobs where their manager is: a process, or on Workers its invocation."""

    async def perform(self, job: Job, wait: float) -> BaseException | None:
        """Run `job` as soon as it may run, for `wait` seconds; what it raised in the end.

        None: it completed, ended elsewhere, or has not ended; the store knows.
        """
        ...

    async def close(self) -> None:
        """Hand back what still runs here."""
        ...


class Here:
    """See `AtHand`: claims given jobs for this process and runs them."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi
        self._store, self._bell = kiribi.store, kiribi.queue
        self._loop = asyncio.get_running_loop()
        self._execution = Execution(kiribi)
        self._reports = Reports(kiribi.store)
        self._settler = Settler(kiribi.store, self._reports, self._settled, self._failed)
        self._executors = Executors(kiribi.source, CONCURRENCY)
        self._slots = {
            name: asyncio.Semaphore(slots) for name, slots in self._executors.slots.items()
        }
        self._lease = ThreadLease(kiribi.store, this_worker((), 0), self._interrupt)
        self._running: dict[_Key, Running] = {}
        self._settling: dict[_Key, asyncio.Future[bool]] = {}
        self._pools: list[str] = []
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[Ended | None]] = set()
        self._hooks: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls, kiribi: Kiribi) -> Self:
        """Enter the lifespan and take a lease."""
        await kiribi.start()
        here = cls(kiribi)
        await here._lease.start()
        return here

    async def perform(self, job: Job, wait: float) -> BaseException | None:
        """See `AtHand`."""
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            mark = self._bell.mark()
            # A task of its own: what is claimed runs on, even if our caller is cancelled.
            task = self._loop.create_task(self._try(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            if not (await asyncio.wait([task], timeout=left))[0]:
                return None
            ended = task.result()
            if ended is None:
                current = await self._kiribi.find(job.id)
                if current is None or current.status.is_final:
                    return None
                await self._bell.wait(mark, min(left, LOOK_SECONDS))
            elif ended.change.status.is_final:
                return ended.error
        return None

    async def close(self) -> None:
        """Hand back what still runs here, and the lease."""
        self._interrupt()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        await self._settler.flush()
        if self._hooks:
            await asyncio.wait(self._hooks, timeout=STOP_SECONDS)
        await self._executors.close()
        # A thread that did not stop keeps its job, and the lease, until this process ends.
        if not self._running:
            await self._lease.release()

    async def _try(self, job: Job) -> Ended | None:
        """One attempt, from claim to outcome; None: it is not ours to run, or to settle, now."""
        name = self._kiribi.performers[job.binding].executor
        async with self._slots[name]:
            # A pool notes down what it holds: one job, until that is settled.
            pool = self._pools.pop() if self._pools else f"here-{next(self._numbers)}"
            try:
                claimed = await self._store.claim(
                    self._lease.worker.id, [job.binding], 1, pool=pool, ids=[job.id]
                )
                return await self._perform(claimed[0]) if claimed else None
            finally:
                self._pools.append(pool)

    async def _perform(self, job: Job) -> Ended | None:
        attempt = Running(job, self._reports, self._execution.timeout(job))
        self._running[_key(job)] = self._kiribi.running[job.id] = attempt
        name = self._kiribi.performers[job.binding].executor
        executor = self._executors.named(name, alone=job.crashes > 0)
        ended = await self._execution.run(attempt, executor)
        settling = self._settling[_key(job)] = self._loop.create_future()
        self._settler.add(ended)
        return ended if await settling else None

    def _settled(self, batch: Sequence[Ended], taken: Sequence[bool]) -> None:
        for ended, took in zip(batch, taken, strict=True):
            del self._running[_key(ended.job)]
            over(self._kiribi.running, ended.job)
            if took and self._execution.hooked:
                task = self._loop.create_task(self._execution.hooks(ended))
                self._hooks.add(task)
                task.add_done_callback(self._hooks.discard)
            settling = self._settling.pop(_key(ended.job))
            if not settling.done():
                settling.set_result(took)
        ring_for(self._bell, batch, taken)

    def _failed(self, error: BaseException) -> None:
        logger.critical("outcomes of `perform` cannot be stored", exc_info=error)

    def _interrupt(self) -> None:
        for attempt in list(self._running.values()):
            attempt.stop("release")


_Key = tuple[str, int]
"""Of an attempt: the next one of a job may begin before the last is known to be settled."""


def _key(job: Job) -> _Key:
    return job.id, job.attempts
