"""One worker child of a supervisor: from its start until what it held is settled."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace

from kiribi import lifecycle
from kiribi._lease import this_worker
from kiribi._rescue import crashed, take_back
from kiribi.errors import KiribiError, StoreError
from kiribi.executors.spawn import Child, Frame
from kiribi.job import Exit, Job, JobStatus
from kiribi.lifecycle import Change
from kiribi.ports import Queue, Retention, Store

logger = logging.getLogger("kiribi")

SETTLE_PAUSE = 0.5
"""Seconds between tries to settle a dead child's jobs while the store cannot be written."""


class NotStarted(KiribiError):
    """A worker process could not start."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker child is told at its start, over its socket: a command line is public."""

    source: str
    database: str
    concurrency: int
    bindings: tuple[str, ...] | None

    def frame(self, worker: str) -> Frame:
        """As sent to the child that is `worker` in the store."""
        return {
            "worker": worker,
            "source": self.source,
            "database": self.database,
            "concurrency": self.concurrency,
            "bindings": self.bindings,
        }


class Member:
    """A worker child.

    Attributes:
        id: of its worker in the store.
        asked: we asked it to end, so its jobs are handed back; else they crashed with it.
        until: monotonic seconds to which its lease lasts for certain; None before it has one.
        ready: done when it works, or NotStarted.
        retention: as its application says; None until it is ready.
    """

    def __init__(self, store: Store, bell: Queue, orders: Orders, lease_ms: int) -> None:
        self._store, self._bell = store, bell
        self._orders = orders
        self._lease_ms = lease_ms
        self._worker = this_worker((), 0)
        self._child: Child | None = None
        self._why = ""
        self._waiting: set[str] = set()
        self.id = self._worker.id
        self.asked = False
        self._serves = False
        self.until: float | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.retention: Retention | None = None

    async def run(self) -> str:
        """Start it, see it through its life and settle what it leaves; how it ended."""
        try:
            self._child = child = await Child.spawn("kiribi.runtimes.child")
        except OSError as error:
            self._not_started(f"no process can be started: {error}")
            return str(error)
        try:
            await self._converse(child)
        except StoreError as error:
            self._not_started(str(error))
        finally:
            child.kill()
        exit = await child.ended()
        how = f"{exit}{self._why}"
        self._not_started(f"a worker process ended while it started: {how}")
        await self._settle(how, exit)
        return how

    def stop(self, grace: float) -> None:
        """Ask it to claim no more, let work finish within `grace` seconds, and end."""
        self.asked = True
        if self._child is not None and self._serves:
            self._child.send({"stop": grace})
        else:
            self.kill()

    def kill(self, why: str = "") -> None:
        """End it at once; `why` if it is not because we asked for it."""
        if why:
            self._why = f" ({why})"
        else:
            self.asked = True
        if self._child is not None:
            self._child.kill()

    async def _converse(self, child: Child) -> None:
        if self.asked:
            return
        self._worker = replace(self._worker, pid=child.pid)
        sent = time.monotonic()
        await self._store.enlist(self._worker, self._lease_ms)
        self.until = sent + self._lease_ms / 1000
        child.send(self._orders.frame(self.id))
        while (frame := await child.receive()) is not None:
            match frame:
                case {"ready": {"bindings": bindings, "slots": slots, "retention": retention}}:
                    self._serves = True  # from now on it may have work to finish
                    self._worker = replace(self._worker, bindings=tuple(bindings), slots=slots)
                    sent = time.monotonic()
                    if not await self._store.renew_as(self._worker, self._lease_ms):
                        # Buried, and maybe forgotten, while we slept: it must not come back.
                        self.kill("its lease was taken away")
                        continue
                    self.until = sent + self._lease_ms / 1000
                    kept = {JobStatus(status): seconds for status, seconds in retention.items()}
                    self.retention = Retention(kept)
                    if not self.ready.done():
                        self.ready.set_result(None)
                case {"waits": job}:
                    self._waiting.add(job)
                case {"begins": job}:
                    self._waiting.discard(job)
                case {"broken": message}:
                    self._not_started(message)
                case _:
                    raise AssertionError(f"a worker process said {frame}")

    def _not_started(self, message: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(NotStarted(message))
            self.ready.exception()  # somebody may wait for it, or nobody

    async def _settle(self, how: str, exit: Exit) -> None:
        reason = "it was shut down" if self.asked else how

        def change(job: Job) -> Change:
            if self.asked:
                return lifecycle.release(job, "handed back at shutdown")
            if job.id in self._waiting:
                return lifecycle.release(job, "its worker was lost before it began")
            return crashed(job, reason, exit)

        while True:
            try:
                await self._store.bury({self.id: reason})
                await take_back(self._store, self.id, change)
                break
            except StoreError as error:
                logger.warning("the jobs of worker %s wait to be settled: %s", self.id, error)
                await asyncio.sleep(SETTLE_PAUSE)
        self._bell.ring()
