"""`Kiribi.perform` in the calling process: a worker that serves only what its manager asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from kiribi._attempt import Reports, Running
from kiribi._execution import Ended, Execution
from kiribi._lease import ThreadLease, this_worker
from kiribi._settler import Settler
from kiribi.executors import Executors
from kiribi.job import Job

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

CONCURRENCY = 100
"""Jobs performed here at a time, at most."""
LOOK_SECONDS = 1.0
"""The longest it trusts the doorbell while its job has to wait."""


class Here:
    """Claims given jobs for this process and runs them."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi
        self._store, self._bell = kiribi.store, kiribi.queue
        self._execution = Execution(kiribi)
        self._reports = Reports(kiribi.store)
        self._settler = Settler(kiribi.store, self._reports, self._settled)
        self._executors = Executors(kiribi.source, CONCURRENCY)
        self._lease = ThreadLease(kiribi.store, this_worker((), 0), self._lose)
        self._loop = asyncio.get_running_loop()
        self._ends: dict[str, asyncio.Future[Ended]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls, kiribi: Kiribi) -> Self:
        """Enter the lifespan and take a lease."""
        await kiribi.start()
        here = cls(kiribi)
        await here._lease.start()
        return here

    async def perform(self, job: Job, wait: float) -> BaseException | None:
        """Run `job` as soon as it may run, for `wait` seconds; what it raised in the end.

        None: it completed, ended elsewhere, or has not ended; the store knows.
        """
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            mark = self._bell.mark()
            claimed = await self._store.claim(
                self._lease.worker.id, [job.binding], 1, pool=job.id, ids=[job.id]
            )
            if claimed:
                end = self._begin(claimed[0])
                await asyncio.wait([end], timeout=left)
                if not end.done():
                    return None
                ended = end.result()
                if ended.change is None or ended.change.status.is_final:
                    return ended.error
                continue
            current = await self._kiribi.find(job.id)
            if current is None or current.status.is_final:
                return None
            await self._bell.wait(mark, min(left, LOOK_SECONDS))
        return None

    async def close(self) -> None:
        """Hand back what still runs here, and the lease."""
        for id in list(self._ends):
            self._kiribi.running[id].stop("release")
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._settler.flush()
        await self._executors.close()
        await self._lease.release()

    def _begin(self, job: Job) -> asyncio.Future[Ended]:
        attempt = Running(job, self._reports, self._execution.timeout(job))
        self._kiribi.running[job.id] = attempt
        end = self._ends[job.id] = self._loop.create_future()
        task = self._loop.create_task(self._run(attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return end

    async def _run(self, attempt: Running) -> None:
        name = self._kiribi.performers[attempt.job.binding].executor
        executor = self._executors.named(name, alone=attempt.job.crashes > 0)
        self._settler.add(await self._execution.run(attempt, executor))

    def _settled(self, batch: Sequence[Ended], taken: Sequence[bool]) -> None:
        for ended, took in zip(batch, taken, strict=True):
            self._kiribi.running.pop(ended.job.id, None)
            if took and self._execution.hooked:
                task = self._loop.create_task(self._execution.hooks(ended))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            self._ends.pop(ended.job.id).set_result(ended)
        self._bell.ring()

    def _lose(self) -> None:
        def give_up() -> None:
            for id in list(self._ends):
                self._kiribi.running[id].stop("release")

        self._loop.call_soon_threadsafe(give_up)
