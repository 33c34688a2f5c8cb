"""The lease of a worker that no supervisor renews: beaten from a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from kiribi._version import __version__
from kiribi.errors import StoreError
from kiribi.job import new_id
from kiribi.ports import Store, WorkerInfo

logger = logging.getLogger("kiribi")

LEASE_MS = 20_000
"""How long a lease lasts, in milliseconds (DESIGN section 5)."""
BEAT_SECONDS = 5.0
"""How often it is renewed."""


def this_worker(bindings: tuple[str, ...], slots: int) -> WorkerInfo:
    """A new worker in this process, as it presents itself."""
    return WorkerInfo(
        id=new_id(),
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        bindings=bindings,
        slots=slots,
    )


class ThreadLease:
    """Keeps a worker alive while its event loop is busy.

    A thread starves only where code holds the GIL; under a supervisor process nothing starves.

    Args:
        lost: called on the event loop when the worker has no lease any more.
    """

    def __init__(self, store: Store, worker: WorkerInfo, lost: Callable[[], None]) -> None:
        self.worker = worker
        self._store = store
        self._lost = lost
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kiribi-lease", daemon=True)
        self._renewed = time.time()

    async def start(self) -> None:
        """Enlist the worker and begin to beat."""
        self._loop = asyncio.get_running_loop()
        await self._store.enlist(self.worker, LEASE_MS)
        self._thread.start()

    async def release(self) -> None:
        """Stop beating and forget the worker, if it holds nothing."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join)
        await self._store.bury({self.worker.id: "it was shut down"})
        await self._store.dismiss(self.worker.id)

    async def catch_up(self) -> None:
        """Renew now, if that is overdue by the wall clock, which goes on while a machine sleeps."""
        if abs(time.time() - self._renewed) > 2 * BEAT_SECONDS:
            await self._store.renew([self.worker.id], LEASE_MS)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            if self._kept(runner):
                return
        logger.error("worker %s lost its lease: it stops", self.worker.id)
        with suppress(RuntimeError):  # the loop is closed: nothing runs any more
            self._loop.call_soon_threadsafe(self._lost)

    def _kept(self, runner: asyncio.Runner) -> bool:
        """Beat until we are told to stop; False: the lease is lost."""
        until = time.monotonic() + LEASE_MS / 1000
        while not self._stop.wait(BEAT_SECONDS):
            sent, self._renewed = time.monotonic(), time.time()
            try:
                if not runner.run(self._store.renew([self.worker.id], LEASE_MS)):
                    return False
                until = sent + LEASE_MS / 1000
            except StoreError as error:
                logger.warning("the lease of worker %s was not renewed: %s", self.worker.id, error)
                if time.monotonic() > until - BEAT_SECONDS and not self._lives(runner):
                    return False
        return True

    def _lives(self, runner: asyncio.Runner) -> bool:
        """Whether the store can be read, and says that nobody has buried us."""
        try:
            workers = runner.run(self._store.workers())
        except StoreError:
            return False
        return any(one.id == self.worker.id and one.dead_reason is None for one in workers)
