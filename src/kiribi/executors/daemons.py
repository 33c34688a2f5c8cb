"""Threads that are used again, and do not keep their process when they are stuck."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any


class Daemons:
    """As many daemon threads as were ever busy at a time: the callers limit how many.

    `concurrent.futures` would wait for each of its threads when the interpreter ends.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers = itertools.count()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = self._idle = 0

    async def run(self, call: Callable[[], Any]) -> Any:
        """Call it in a thread, within the caller's context; what it returns or raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()

        def work() -> None:
            try:
                value, error = context.run(call), None
            except BaseException as raised:  # noqa: BLE001 - it is the caller's
                value, error = None, raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, future, value, error)

        self._start_one_if_none_is_idle()
        self._calls.put(work)
        return await future

    def close(self) -> None:
        """End the threads as soon as they are idle."""
        for _ in range(self._started):
            self._calls.put(None)

    def _start_one_if_none_is_idle(self) -> None:
        with self._lock:
            if self._idle:
                self._idle -= 1
                return
            self._started += 1
        name = f"{self._name}-{next(self._numbers)}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            with self._lock:
                self._idle += 1


def _resolve(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
