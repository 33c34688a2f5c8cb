"""One running attempt: what it knows, what it reports, and how it is asked to stop."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Protocol

from kiribi._json import encode
from kiribi.errors import LeaseLost, StoreError
from kiribi.job import Job
from kiribi.ports import LogLine, Progress, Store

logger = logging.getLogger("kiribi")

StopReason = Literal["cancel", "release"]


class Desk(Protocol):
    """Where an attempt hands in what it writes while it runs: the store, or a pipe to it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that `step` and `store_step` are awaited on."""
        ...

    def add(self, report: LogLine | Progress) -> None:
        """Take a log line or progress; from any thread."""
        ...

    async def step(self, id: str, name: str) -> tuple[Any] | None:
        """See `ports.Store`."""
        ...

    async def store_step(self, job: Job, name: str, value: str) -> bool:
        """See `ports.Store`."""
        ...


class Running:
    """An attempt in this process, from claim to outcome.

    Attributes:
        job: as claimed.
        timeout: seconds it may run.
        deadline: epoch seconds after which it times out; None without a timeout.
        interrupt: ends the work; set by the executor that runs it.
        begins: called when a child process has begun the work.
        stopping: why it was asked to stop, if it was.
        desk: where its reports go.
    """

    __slots__ = ("begins", "deadline", "desk", "interrupt", "job", "stopping", "timeout")

    def __init__(self, job: Job, desk: Desk, timeout: float | None) -> None:
        self.job = job
        self.desk = desk
        self.timeout = timeout
        self.deadline = None if timeout is None else time.time() + timeout
        self.interrupt: Callable[[], object] | None = None
        self.begins: Callable[[], object] | None = None
        self.stopping: StopReason | None = None

    @property
    def cancelled(self) -> bool:
        """Somebody asked for the job to stop."""
        return self.stopping == "cancel"

    def stop(self, reason: StopReason) -> None:
        """Ask the work to end; on the event loop's thread. The first reason stays."""
        if self.stopping is None:
            self.stopping = reason
            if self.interrupt is not None:
                self.interrupt()

    def log(self, level: str, message: str) -> None:
        """Add a line to the job's log; from any thread."""
        at_ms = time.time_ns() // 1_000_000
        self.desk.add(LogLine(self.job.id, self.job.attempts, at_ms, level, message))

    def progress(self, fraction: float, message: str) -> None:
        """Report progress; from any thread."""
        self.desk.add(Progress(self.job.id, self.job.attempts, fraction, message))

    async def once(self, name: str, fn: Callable[[str], Any]) -> Any:
        """See `Performer.once`; on the event loop."""
        stored = await self.step(name)
        if stored is not None:
            return stored[0]
        value = fn(self.step_key(name))
        return await self.store_step(name, await value if inspect.isawaitable(value) else value)

    def step_key(self, name: str) -> str:
        """The idempotency key of a step: the same for every attempt of the job."""
        return f"{self.job.id}:{name}"

    async def step(self, name: str) -> tuple[Any] | None:
        """The stored value of a step, if there is one."""
        return await self.desk.step(self.job.id, name)

    async def store_step(self, name: str, value: Any) -> Any:
        """Store a step's value, fenced; the value as JSON has it."""
        text = encode(value, field=f"once({name!r})")
        if not await self.desk.store_step(self.job, name, text):
            raise LeaseLost
        return json.loads(text)

    def on_loop(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Await `coroutine` on the event loop from another thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.desk.loop).result()


def over(running: dict[str, Running], job: Job) -> None:
    """An attempt is settled: forget it. The job's next one may run here already, and stays."""
    if job.id in running and running[job.id].job.attempts == job.attempts:
        del running[job.id]


class Reports:
    """The store's desk: log lines and progress are gathered while a write is under way."""

    def __init__(self, store: Store) -> None:
        self.loop = asyncio.get_running_loop()
        self.step, self.store_step = store.step, store.store_step
        self._store = store
        # Threads add while the loop takes: never swap these, only move what is in them.
        self._lines: deque[LogLine] = deque()
        self._progress: dict[str, Progress] = {}
        self._called = False
        self._writing: asyncio.Task[None] | None = None

    def add(self, report: LogLine | Progress) -> None:
        """Take a report; from any thread."""
        if isinstance(report, LogLine):
            self._lines.append(report)
        else:
            self._progress[report.job_id] = report
        if not self._called:
            self._called = True
            self.loop.call_soon_threadsafe(self._start)

    async def flush(self) -> None:
        """Everything taken so far is stored on return (or was given up and logged)."""
        while self._lines or self._progress or self._writing:
            self._start()
            if self._writing:
                await asyncio.shield(self._writing)

    def _start(self) -> None:
        self._called = False
        if self._writing is None and (self._lines or self._progress):
            self._writing = self.loop.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._lines or self._progress:
                lines = [self._lines.popleft() for _ in range(len(self._lines))]
                progress = [self._progress.pop(id) for id in list(self._progress)]
                if lines:
                    await self._store.log(lines)
                if progress:
                    await self._store.progress(progress)
        except StoreError as error:
            logger.warning("log lines or progress could not be stored: %s", error)
        finally:
            self._writing = None
