"""One running attempt: what it knows, what it reports, and how it is asked to stop."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Callable
from typing import Any, Literal

from kiribi.errors import LeaseLost, StoreError
from kiribi.job import Job
from kiribi.payloads import encode
from kiribi.ports import LogLine, Progress, Store

logger = logging.getLogger("kiribi")

StopReason = Literal["cancel", "release"]


class Running:
    """An attempt in this process, from claim to outcome.

    Attributes:
        job: as claimed.
        deadline: epoch seconds after which it times out; None without a timeout.
        interrupt: ends the work; set by the executor that runs it.
        stopping: why it was asked to stop, if it was.
    """

    __slots__ = ("_loop", "_reports", "deadline", "interrupt", "job", "stopping", "timeout")

    def __init__(self, job: Job, reports: Reports, timeout: float | None) -> None:
        self.job = job
        self.timeout = timeout
        self.deadline = None if timeout is None else time.time() + timeout
        self.interrupt: Callable[[], object] | None = None
        self.stopping: StopReason | None = None
        self._reports = reports
        self._loop = reports.loop

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
        self._reports.add(LogLine(self.job.id, self.job.attempts, at_ms, level, message))

    def progress(self, fraction: float, message: str) -> None:
        """Report progress; from any thread."""
        self._reports.add(Progress(self.job.id, self.job.attempts, fraction, message))

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
        return await self._reports.store.step(self.job.id, name)

    async def store_step(self, name: str, value: Any) -> Any:
        """Store a step's value, fenced; the value as JSON has it."""
        text = encode(value, field=f"once({name!r})")
        if not await self._reports.store.store_step(self.job.id, self.job.attempts, name, text):
            raise LeaseLost
        return json.loads(text)

    def on_loop(self, coroutine: Any) -> Any:
        """Await `coroutine` on the event loop from another thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


class Reports:
    """Log lines and progress on their way to the store, gathered while a write is under way."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.loop = asyncio.get_running_loop()
        self._lines: list[LogLine] = []
        self._progress: dict[str, Progress] = {}
        self._writing: asyncio.Task[None] | None = None

    def add(self, report: LogLine | Progress) -> None:
        """Take a report; from any thread."""
        if isinstance(report, LogLine):
            self._lines.append(report)
        else:
            self._progress[report.job_id] = report
        self.loop.call_soon_threadsafe(self._start)

    async def flush(self) -> None:
        """Everything taken so far is stored on return (or was given up and logged)."""
        while self._lines or self._progress or self._writing:
            self._start()
            if self._writing:
                await asyncio.shield(self._writing)

    def _start(self) -> None:
        if self._writing is None and (self._lines or self._progress):
            self._writing = self.loop.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._lines or self._progress:
                lines, self._lines = self._lines, []
                progress, self._progress = self._progress, {}
                if lines:
                    await self.store.log(lines)
                if progress:
                    await self.store.progress(list(progress.values()))
        except StoreError as error:
            logger.warning("log lines or progress could not be stored: %s", error)
        finally:
            self._writing = None
