"""Where performers run: on the event loop, in a thread, in a child process."""

from __future__ import annotations

import os

from kiribi.performer import ExecutorName
from kiribi.ports import Executor

THREADS = 32
"""Threads used at most."""


class Executors:
    """One of each kind, started when first used.

    Args:
        source: the application, for child processes to import anew: a file or module, and
            by `:Name` the manager's class.
        concurrency: coroutines at a time; threads are at most 32, child processes one a core.
    """

    def __init__(self, source: str, concurrency: int) -> None:
        # Imported here: on Workers there are neither threads nor processes to import.
        from kiribi.executors.coroutine import CoroutineExecutor
        from kiribi.executors.process import ProcessExecutor
        from kiribi.executors.thread import ThreadExecutor

        self.slots: dict[ExecutorName, int] = {
            "coroutine": concurrency,
            "thread": min(concurrency, THREADS),
            "process": min(concurrency, os.cpu_count() or 1),
        }
        self._coroutine = CoroutineExecutor()
        self._thread = ThreadExecutor()
        self._process = ProcessExecutor(source, self.slots["process"])

    def named(self, name: ExecutorName, *, alone: bool = False) -> Executor:
        """The executor called `name`; `alone`: a child process, whatever the name."""
        if alone or name == "process":
            return self._process
        return self._thread if name == "thread" else self._coroutine

    async def close(self) -> None:
        """Let go of threads, end child processes."""
        self._thread.close()
        await self._process.close()
