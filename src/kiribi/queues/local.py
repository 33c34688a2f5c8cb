"""The doorbell of one machine: rings within the process, and hears other processes' commits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass

import apsw

from kiribi.stores._apsw import connect, execute

EVERY = 0.030
"""Seconds between looks at the file for commits of other processes, while somebody waits."""


@dataclass(slots=True, eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    until: float
    rung: asyncio.Future[bool]
    timer: asyncio.TimerHandle | None = None

    def wake(self, rung: bool) -> None:
        if not self.rung.done():
            self.rung.set_result(rung)


class LocalQueue:
    """See `ports.Queue`. `path`: the SQLite file; None: no other process has the data.

    Raises:
        StoreUnavailable: the file cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self._lock = threading.Lock()
        self._waiters: dict[_Waiter, None] = {}  # woken in the order they came
        self._rings = 0
        self._closed = False
        self._connection = None if path is None else connect(path, read_only=True)
        if self._connection is not None:
            # an event loop must not wait for a lock: the next look will do
            self._connection.set_busy_handler(None)
        self._version = 0
        self._listen()

    def ring(self, delays: Iterable[float] = ()) -> None:
        """See `ports.Queue`. Any thread may ring; who hears it asks the store what is due."""
        del delays
        with self._lock:
            self._ring()

    def mark(self) -> int:
        """See `ports.Queue`."""
        with self._lock:
            self._listen()
            return self._rings

    async def wait(self, mark: int, timeout: float) -> bool:
        """See `ports.Queue`. False at once when closed."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.time() + timeout, loop.create_future())
        with self._lock:
            self._listen()
            if self._closed or self._rings > mark:
                return not self._closed
            self._waiters[waiter] = None
        self._look_later(waiter)
        try:
            return await waiter.rung
        finally:
            if waiter.timer is not None:
                waiter.timer.cancel()
            with self._lock:
                self._waiters.pop(waiter, None)

    async def close(self) -> None:
        """See `ports.Queue`."""
        with self._lock:
            self._closed = True
            self._wake(rung=False)
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _look_later(self, waiter: _Waiter) -> None:
        left = max(0.0, waiter.until - waiter.loop.time())
        if self._connection is not None:
            left = min(left, EVERY)
        waiter.timer = waiter.loop.call_later(left, self._look, waiter)

    def _look(self, waiter: _Waiter) -> None:
        with self._lock:
            self._listen()
        if waiter.loop.time() >= waiter.until:
            waiter.wake(False)
        elif not waiter.rung.done():
            self._look_later(waiter)

    def _listen(self) -> None:
        """Ring if another connection has committed since the last look."""
        if self._connection is None:
            return
        try:
            ((version,),) = execute(self._connection, "PRAGMA data_version")
        except apsw.BusyError:
            return
        if version != self._version:
            self._version = version
            self._ring()

    def _ring(self) -> None:
        self._rings += 1
        self._wake(rung=True)

    def _wake(self, *, rung: bool) -> None:
        for waiter in self._waiters:
            try:
                waiter.loop.call_soon_threadsafe(waiter.wake, rung)
            except RuntimeError:
                # its loop was closed
                continue
