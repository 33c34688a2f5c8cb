"""A worker: claims in batches sized to its free slots, performs, settles in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from kiribi._attempt import Reports, Running, over
from kiribi._execution import Ended, Execution
from kiribi._housekeeping import TICK_SECONDS, Housekeeping
from kiribi._lease import ThreadLease, this_worker
from kiribi._recurring import keep_firing
from kiribi._settler import Settler, ring_for
from kiribi.errors import InvalidApplication, InvalidInput, StoreError
from kiribi.executors import Executors
from kiribi.performer import ExecutorName
from kiribi.ports import Retention
from kiribi.runtimes.pool import Pool

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

logger = logging.getLogger("kiribi")

CONCURRENCY = 100
"""Coroutines a worker runs at a time by default."""
IDLE_SECONDS = 1.0
"""The longest a worker trusts the doorbell: then it looks for itself."""
CANCEL_SECONDS = 1.0
"""How often a worker with jobs in hand looks for requests to cancel them."""
GRACE_SECONDS = 30.0
"""How long running work may take to finish at shutdown."""
STOP_SECONDS = 5.0
"""How long interrupted work may take to end before it is left to its process's end."""


class Worker:
    """Performs the jobs of one manager's performers; an async context manager.

    Without a supervisor it does what that does: fires schedules, and ticks each second.

    Args:
        kiribi: a connected manager with performers.
        concurrency: coroutines at a time; threads are at most 32, child processes one a core.
        bindings: serve only these.
        worker_id: a worker whose lease somebody else renews; by default it keeps its own.
        tell: hears `{"waits": id}` and `{"begins": id}` of jobs that run alone: if this worker
            is lost, those that only wait for a child process are not to blame.

    Raises:
        InvalidInput: nothing to serve, or a binding the application doesn't have.
    """

    def __init__(
        self,
        kiribi: Kiribi,
        *,
        concurrency: int = CONCURRENCY,
        bindings: Sequence[str] | None = None,
        worker_id: str | None = None,
        tell: Callable[[Mapping[str, str]], object] | None = None,
    ) -> None:
        if concurrency < 1:
            raise InvalidInput("concurrency", concurrency, "give a whole number from 1")
        self._kiribi = kiribi
        self._concurrency = concurrency
        self.bindings = served(kiribi, bindings)
        self.id = worker_id or ""
        self._tell = tell
        self.lost = asyncio.Event()
        self._lease: ThreadLease | None = None
        self._draining = False
        self._attempts: dict[str, asyncio.Task[None]] = {}
        self._hooks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        kiribi = self._kiribi
        self._loop = asyncio.get_running_loop()
        self._store, self._bell = kiribi.store, kiribi.queue
        await kiribi.start()
        await kiribi.register(self.bindings)
        declared = await kiribi.schedules.declared(self.bindings)
        self._execution = Execution(kiribi)
        self._reports = Reports(self._store)
        self._settler = Settler(self._store, self._reports, self._settled, self._failed)
        self._executors = Executors(kiribi.source, self._concurrency)
        self._pools = self._make_pools()
        if not self.id:
            worker = this_worker(self.bindings, self.slots)
            self._lease = ThreadLease(self._store, worker, self._lose)
            await self._lease.start()
            self.id = worker.id
        if declared:
            await self._store.declare(self.id, declared)
        self._loops: set[asyncio.Task[None]] = set()
        for pool in self._pools:
            self._start(self._loops, self._serve(pool))
        self._watches: set[asyncio.Task[None]] = set()
        self._start(self._watches, self._watch_cancels())
        if self._lease is not None:  # else its supervisor does
            self._start(self._watches, keep_firing(self._store, self._bell))
            self._start(self._watches, self._keep_house(self._lease))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @property
    def slots(self) -> int:
        """How many jobs it runs at a time, at most."""
        return sum(pool.slots for pool in self._pools)

    async def stop(self, grace: float = GRACE_SECONDS) -> list[str]:
        """Claim no more, let work finish within `grace` seconds, then end it and hand it back.

        Returns the ids of jobs whose work could not be ended: end their process, then bury
        their worker.
        """
        self._drain()
        await _ended(self._loops)
        await _ended(self._attempts.values(), grace)
        self._interrupt()
        await _ended(self._attempts.values(), STOP_SECONDS)
        left = [id for pool in self._pools for id in pool.performing]
        for watch in self._watches:
            watch.cancel()
        await self._settler.flush()
        await _ended(self._hooks, STOP_SECONDS)
        await self._executors.close()
        for id in left:
            logger.error("job %s did not stop: it ends with its process", id)
        if self._lease is not None and not left:
            await self._lease.release()
        return left

    def _drain(self) -> None:
        self._draining = True
        for pool in self._pools:
            pool.freed.set()
        self._bell.ring((0,), self.bindings)

    def _interrupt(self) -> None:
        for pool in self._pools:
            for attempt in list(pool.performing.values()):
                attempt.stop("release")

    def _lose(self) -> None:
        self.lost.set()
        self._drain()
        self._interrupt()

    def _failed(self, error: BaseException) -> None:
        logger.critical("worker %s cannot go on", self.id, exc_info=error)
        self._lose()

    def _make_pools(self) -> list[Pool]:
        by_executor: dict[ExecutorName, list[str]] = {}
        for binding in self.bindings:
            by_executor.setdefault(self._kiribi.performers[binding].executor, []).append(binding)
        return [
            Pool(name, tuple(bindings), self._executors.slots[name])
            for name, bindings in by_executor.items()
        ]

    async def _serve(self, pool: Pool) -> None:
        """Claim for one pool until stopped; never cancelled, so that no claim is forgotten."""
        hungry = True  # the last claim took something: there may be more
        missed = False  # it found nothing, and nothing has been asked since
        while not self._draining:
            if pool.free <= 0:
                pool.freed.clear()
                await pool.freed.wait()
                continue
            mark = self._bell.mark()
            try:
                due = 0 if hungry else await self._store.next_due(pool.bindings)
                claimed = await self._claim(pool) if due == 0 else 0
            except StoreError as error:
                logger.warning("claiming failed, trying again: %s", error)
                due, claimed = None, 0
            hungry, missed = claimed > 0, not claimed and due == 0 and not missed
            # Before it waits, it asks when the next one is due.
            if not claimed and not missed and not self._draining:
                idle = due / 1000 if due else IDLE_SECONDS
                await self._bell.wait(mark, min(idle, IDLE_SECONDS), pool.bindings)

    async def _claim(self, pool: Pool) -> int:
        jobs = await self._store.claim(
            self.id, pool.bindings, pool.free, pool=pool.name, held=list(pool.held)
        )
        for job in jobs:
            attempt = Running(job, self._reports, self._execution.timeout(job))
            pool.take(attempt)
            if job.crashes and self._tell is not None:
                self._tell({"waits": job.id})
                attempt.begins = partial(self._tell, {"begins": job.id})
            self._kiribi.running[job.id] = attempt
            self._attempts[job.id] = self._loop.create_task(self._perform(pool, attempt))
        return len(jobs)

    async def _perform(self, pool: Pool, attempt: Running) -> None:
        job = attempt.job
        # A job that was in a lost worker's hands runs alone, so that only the guilty crash again.
        executor = self._executors.named(pool.name, alone=job.crashes > 0)
        try:
            ended = await self._execution.run(attempt, executor)
            pool.release(attempt)
            self._settler.add(ended)
        except Exception as error:  # noqa: BLE001 - a mistake of ours
            self._failed(error)
        finally:
            del self._attempts[job.id]

    def _settled(self, batch: Sequence[Ended], taken: Sequence[bool]) -> None:
        for pool in self._pools:
            pool.settled(ended.job for ended in batch)
        for ended, took in zip(batch, taken, strict=True):
            job = ended.job
            over(self._kiribi.running, job)
            if not took:
                logger.warning(
                    "job %s: the outcome of attempt %d came too late and was refused",
                    job.id,
                    job.attempts,
                )
            elif self._execution.hooked:
                self._start(self._hooks, self._execution.hooks(ended))
        ring_for(self._bell, batch, taken)

    async def _watch_cancels(self) -> None:
        while True:
            await asyncio.sleep(CANCEL_SECONDS)
            if not self._kiribi.running:
                continue
            try:
                asked = await self._store.cancel_requested(list(self._kiribi.running))
            except StoreError as error:
                logger.warning("requests to cancel could not be read: %s", error)
                continue
            for id in asked:
                if attempt := self._kiribi.running.get(id):
                    attempt.stop("cancel")

    async def _keep_house(self, lease: ThreadLease) -> None:
        """Tick for ever, as a supervisor does."""
        housekeeping = Housekeeping(self._store, self._bell)
        retention = Retention(self._kiribi.retention)
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await lease.catch_up()  # its own worker must not be the first to be buried
                if await housekeeping.its_turn(TICK_SECONDS):
                    await housekeeping.tick(retention, patience=TICK_SECONDS)
            except StoreError as error:
                logger.warning("housekeeping has to wait: %s", error)

    def _start(self, tasks: set[asyncio.Task[None]], coroutine: Coroutine[Any, Any, None]) -> None:
        def done(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()):
                self._failed(error)

        task = self._loop.create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(done)


async def _ended(tasks: Collection[asyncio.Task[None]], seconds: float | None = None) -> None:
    if tasks:
        await asyncio.wait(list(tasks), timeout=seconds)


def served(kiribi: Kiribi, bindings: Sequence[str] | None) -> tuple[str, ...]:
    """The bindings to serve, checked against what the application has."""
    known = tuple(sorted(kiribi.performers))
    if not known:
        raise InvalidApplication("application", kiribi.source, "it must have a Performer class")
    for binding in bindings or ():
        if binding not in known:
            raise InvalidInput("bindings", binding, f"this application has {', '.join(known)}")
    return tuple(bindings) if bindings else known
