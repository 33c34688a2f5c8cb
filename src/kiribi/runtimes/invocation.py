"""One call of a platform's queue handler: claim, perform ten at a time, settle. No loop, no beat.

The invocation is the worker. Its lease is not renewed, and lasts a little longer than the
platform lets an invocation run: whoever is past it is gone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from kiribi import lifecycle
from kiribi._attempt import Reports, Running
from kiribi._execution import Ended, Execution
from kiribi._rescue import take_back
from kiribi._version import __version__
from kiribi.errors import StoreError
from kiribi.job import WAITING, Job, new_id
from kiribi.ports import Executor, WorkerInfo
from kiribi.stores._sql_store import SqlStore

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

logger = logging.getLogger("kiribi")

CONCURRENCY = 10
MOST_JOBS = 100
"""Jobs claimed at most."""
LEASE_SECONDS = 960.0
START_SECONDS = 60.0
"""Jobs that could not be started until then are handed back: others may be free."""
END_SECONDS = 840.0
"""When work is stopped that is still running: Cloudflare ends the invocation a minute later."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until outcomes are stored that wait for slower neighbours; then twice as long."""

Choose = Callable[[Job], Executor]


class Invocation:
    """Performs due jobs of one manager, once.

    Args:
        store: the manager's.
        choose: where a job runs.
        lease: seconds until its jobs are taken to be lost with it.

    Attributes:
        settled: what has ended here, and was stored so.
    """

    def __init__(
        self, kiribi: Kiribi, store: SqlStore, choose: Choose, lease: float = LEASE_SECONDS
    ) -> None:
        self._kiribi = kiribi
        self._store = store
        self._choose = choose
        self._lease_ms = round(lease * 1000)
        self._execution = Execution(kiribi)
        self._reports = Reports(kiribi.store)
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self.settled: list[Ended] = []
        self._began = time.monotonic()

    async def run(self, wanted: int, ids: Sequence[str] | None = None) -> int:
        """Claim and perform up to `wanted` due jobs (of `ids`); how many were claimed.

        On return every outcome is stored, hooks have run, and the doorbell knows what becomes
        due by it.

        Raises:
            StoreError: nothing could be claimed, or outcomes not be stored.
        """
        served = tuple(sorted(self._kiribi.performers))
        worker = WorkerInfo(new_id(), "cloudflare", 0, __version__, served, CONCURRENCY)
        try:
            jobs = await self._store.visit(worker, self._lease_ms, min(wanted, MOST_JOBS), ids=ids)
        except StoreError:
            await self._forgo(worker.id)
            raise
        # A job that was in a lost worker's hands runs alone, so that only the guilty crash again.
        suspects = [job for job in jobs if job.crashes]
        alone = suspects[:1]
        await self._perform([job for job in jobs if not job.crashes])
        await self._settle([_handed_back(job, "it runs alone") for job in suspects[1:]])
        await self._perform(alone)
        due = await self._store.leave(worker.id, served)
        if jobs and due == 0:
            # freed by what has ended here: a place in a limit, a successor
            self._kiribi.queue.ring()
        return len(jobs)

    def hand_back(self) -> None:
        """End what runs: it is due at once, and nothing is spent."""
        for attempt in self._kiribi.running.values():
            attempt.stop("release")

    async def _perform(self, jobs: Iterable[Job]) -> None:
        tasks = {asyncio.create_task(self._attempt(job)) for job in jobs}
        ended: list[Ended] = []
        pause = FIRST_PAUSE
        while tasks:
            done, tasks = await asyncio.wait(tasks, timeout=pause)
            ended += [task.result() for task in done]
            if tasks:
                await self._settle(ended)
                ended = []
                await self._look_for_cancels()
                pause = min(pause * 2, LONGEST_PAUSE)
        await self._settle(ended)

    async def _attempt(self, job: Job) -> Ended:
        async with self._slots:
            elapsed = time.monotonic() - self._began
            if elapsed > START_SECONDS:
                return _handed_back(job, "its invocation was busy")
            left = END_SECONDS - elapsed
            timeout = self._execution.timeout(job)
            attempt = Running(job, self._reports, left if timeout is None else min(timeout, left))
            self._kiribi.running[job.id] = attempt
            try:
                return await self._execution.run(attempt, self._choose(job))
            finally:
                del self._kiribi.running[job.id]

    async def _forgo(self, worker: str) -> None:
        """Give back what was claimed if only the answer was lost; else the lease has to pass."""
        with suppress(StoreError):
            await take_back(
                self._kiribi.store, worker, lambda job: _released(job, "its claim was lost")
            )

    async def _look_for_cancels(self) -> None:
        try:
            asked = await self._store.cancel_requested(list(self._kiribi.running))
        except StoreError as error:
            # what runs must not be given up for that; we look again
            logger.warning("nobody knows whether running jobs were cancelled: %s", error)
            return
        for id in asked:
            if attempt := self._kiribi.running.get(id):
                attempt.stop("cancel")

    async def _settle(self, ended: Sequence[Ended]) -> None:
        if not ended:
            return
        await self._reports.flush()
        taken = await self._apply([one.change for one in ended])
        settled = [one for one, took in zip(ended, taken, strict=True) if took]
        self.settled += settled
        for one in ended:
            if one not in settled:
                logger.warning("job %s: its outcome came too late and was refused", one.job.id)
        self._kiribi.queue.ring(
            (one.change.delay_ms or 0) / 1000 for one in settled if one.change.status in WAITING
        )
        if self._execution.hooked:
            await asyncio.gather(*map(self._execution.hooks, settled))

    async def _apply(self, changes: Sequence[lifecycle.Change]) -> list[bool]:
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._store.apply(changes)
            except StoreError as error:
                # Giving up would run finished work again: the lease decides how long we may try.
                if time.monotonic() - self._began + pause > END_SECONDS:
                    raise
                logger.warning("%d outcomes wait to be stored: %s", len(changes), error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)


def _handed_back(job: Job, why: str) -> Ended:
    return Ended(job, _released(job, why))


def _released(job: Job, why: str) -> lifecycle.Change:
    return lifecycle.release(job, f"handed back: {why}")
