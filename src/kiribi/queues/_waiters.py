"""Those who wait for a ring in this process, on whatever threads and event loops they are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

KNOWN = 10_000
"""Bindings whose last ring is remembered."""


@dataclass(slots=True, eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    until: float
    subjects: frozenset[str] | None
    rung: asyncio.Future[bool]
    timer: asyncio.TimerHandle | None = None

    def wake(self, rung: bool) -> None:
        if not self.rung.done():
            self.rung.set_result(rung)


class Waiters:
    """See `ports.Queue`: `mark` and `wait` are its, `ring` is what they hear.

    Args:
        changed: whether something has happened since it was asked last, for which nobody rang;
            called with `lock` held.
        every: seconds between two looks at that while somebody waits; None: nobody looks.
    """

    def __init__(
        self, changed: Callable[[], bool] = lambda: False, every: float | None = None
    ) -> None:
        self.lock = threading.Lock()
        self._changed = changed
        self._every = every
        self._waiting: dict[_Waiter, None] = {}  # woken in the order they came
        self._rings = 0
        self._for_all = 0
        self._last: dict[str, int] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def ring(self, bindings: Collection[str] | None = None) -> None:
        """Wake whom it concerns. `bindings`: as of `ports.Queue.wait`. Any thread may ring."""
        with self.lock:
            self._ring(_subjects(bindings))

    def mark(self) -> int:
        """See `ports.Queue`."""
        with self.lock:
            self._look()
            return self._rings

    async def wait(
        self, mark: int, timeout: float, bindings: Collection[str] | None = None
    ) -> bool:
        """See `ports.Queue`. False at once when closed."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.time() + timeout, _subjects(bindings), loop.create_future())
        with self.lock:
            self._look()
            if self._closed or self._missed(waiter.subjects, mark):
                return not self._closed
            self._waiting[waiter] = None
        self._look_later(waiter)
        try:
            return await waiter.rung
        finally:
            if waiter.timer is not None:
                waiter.timer.cancel()
            with self.lock:
                self._waiting.pop(waiter, None)

    def close(self) -> None:
        """Wake every waiter for good."""
        with self.lock:
            self._closed = True
            self._wake(list(self._waiting), rung=False)

    def _missed(self, subjects: frozenset[str] | None, mark: int) -> bool:
        if subjects is None:
            return self._rings > mark
        return max(self._for_all, *(self._last.get(one, 0) for one in subjects)) > mark

    def _ring(self, subjects: frozenset[str] | None) -> None:
        self._rings += 1
        if subjects is None or len(self._last) >= KNOWN:
            self._for_all = self._rings
            self._last.clear()
        else:
            self._last |= dict.fromkeys(subjects, self._rings)
        self._wake(list(self._concerned(subjects)), rung=True)

    def _concerned(self, subjects: frozenset[str] | None) -> Iterator[_Waiter]:
        for waiter in self._waiting:
            if subjects is None or waiter.subjects is None or subjects & waiter.subjects:
                yield waiter

    def _wake(self, waiters: Collection[_Waiter], *, rung: bool) -> None:
        for waiter in waiters:
            del self._waiting[waiter]
            try:
                waiter.loop.call_soon_threadsafe(waiter.wake, rung)
            except RuntimeError:
                # its loop was closed
                continue

    def _look(self) -> None:
        if self._changed():
            self._ring(None)

    def _look_later(self, waiter: _Waiter) -> None:
        left = max(0.0, waiter.until - waiter.loop.time())
        if self._every is not None:
            left = min(left, self._every)
        waiter.timer = waiter.loop.call_later(left, self._look_for, waiter)

    def _look_for(self, waiter: _Waiter) -> None:
        with self.lock:
            self._look()
        if waiter.loop.time() >= waiter.until:
            waiter.wake(False)
        elif not waiter.rung.done():
            self._look_later(waiter)


def _subjects(bindings: Collection[str] | None) -> frozenset[str] | None:
    """What a ring is about, or a waiter for; "" stands for all that is no job's becoming due."""
    return None if bindings is None else frozenset(bindings or ("",))
