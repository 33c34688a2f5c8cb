"""A child process that performs one job at a time, seen by its parent; see `runtimes.slot`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

from kiribi._attempt import Running
from kiribi._failure import Crashed, Raised, hint
from kiribi._source import source_of
from kiribi.errors import StoreError
from kiribi.executors.coroutine import exceeded
from kiribi.executors.outcomes import raised
from kiribi.executors.spawn import Child, Frame
from kiribi.job import Job, JobError
from kiribi.performer import Performer
from kiribi.ports import LogLine

START_SECONDS = 60.0
"""How long a child may take to import the application and enter its lifespan."""
STOP_SECONDS = 2.0
"""What work that was asked to stop gets before its child is killed."""
CLOSE_SECONDS = 2.0
"""What an idle child gets to leave its lifespan."""


class NotBegun(Exception):
    """The child was gone before it began the job; the message says how it ended."""


class Slot:
    """A child and the job it runs."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._begun = False
        self._free = True

    @property
    def fit(self) -> bool:
        """It can take a job: it lives, and has told how its last one ended."""
        return self._free and self._child.lives

    @classmethod
    async def start(cls, source: str) -> Self:
        """Spawn a child that has imported `source` and entered its lifespan.

        Raises:
            Raised: it could not.
        """
        child = await Child.spawn("kiribi.runtimes.slot")
        ready = False
        try:
            child.send({"source": source, "path": sys.path})
            async with asyncio.timeout(START_SECONDS):
                frame = await child.receive()
            if frame is None:
                raise _unready(f"it ended: {await child.ended()}")
            if "broken" in frame:
                raise Raised(JobError.from_json(frame["broken"]))
            ready = True
        except TimeoutError:
            raise _unready(f"it took over {START_SECONDS:g} s") from None
        finally:
            if not ready:
                child.kill()
                await child.ended()
        return cls(child)

    async def perform(self, attempt: Running, performer: type[Performer]) -> Any:
        """Run the job: what it returned, or raised.

        Raises:
            NotBegun: the child was dead.
            Crashed: it died, and the job in it.
        """
        self._free = self._begun = False
        self._child.send(
            {
                "job": _fields(attempt.job),
                "timeout": attempt.timeout,
                "home": source_of(performer),
            }
        )
        loop = asyncio.get_running_loop()
        timers: list[asyncio.TimerHandle] = []
        timed_out = False

        def stop() -> None:
            self._child.send({"stop": attempt.stopping})
            timers.append(loop.call_later(STOP_SECONDS, self._child.kill))

        def expire() -> None:
            nonlocal timed_out
            timed_out = True
            self._child.kill()

        attempt.interrupt = stop
        if attempt.timeout is not None:
            timers.append(loop.call_later(attempt.timeout, expire))
        try:
            outcome = await self._outcome(attempt)
        finally:
            attempt.interrupt = None
            for timer in timers:
                timer.cancel()
        if timed_out and attempt.timeout is not None:
            raise exceeded(attempt.timeout)
        if outcome is None:
            how = await self._child.ended()
            if attempt.stopping:
                raise asyncio.CancelledError
            if not self._begun:
                raise NotBegun(f"child processes ended before they began: {how}")
            told = f"its child process ended: {how}{hint(how)}"
            raise Crashed(JobError("WorkerCrashed", told, origin=str(how), exit=how))
        self._free = True
        if "error" in outcome:
            raise raised(outcome)
        return outcome["value"]

    async def close(self) -> None:
        """Let it leave its lifespan and end."""
        self._child.send({"close": True})
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._child.ended()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it now, with whatever it does."""
        self._child.kill()
        await self._child.ended()

    async def _outcome(self, attempt: Running) -> Mapping[str, Any] | None:
        """Serve the job until it has ended; None if its child has."""
        job = attempt.job
        while (frame := await self._child.receive()) is not None:
            match frame:
                case {"begun": True}:
                    self._begun = True
                    if attempt.begins is not None:
                        attempt.begins()
                case {"log": [at_ms, level, message]}:
                    attempt.desk.add(LogLine(job.id, job.attempts, at_ms, level, message))
                case {"progress": [fraction, message]}:
                    attempt.progress(fraction, message)
                case {"call": call, "step": name}:
                    stored = attempt.desk.step(job.id, name)
                    self._child.send({"call": call, **await _answer(stored)})
                case {"call": call, "store_step": [name, value]}:
                    taken = attempt.desk.store_step(job, name, value)
                    self._child.send({"call": call, **await _answer(taken)})
                case {"outcome": outcome}:
                    return outcome
                case _:
                    raise AssertionError(f"a child process said {frame}")
        return None


def _unready(how: str) -> Raised:
    return Raised(JobError("ProcessNotStarted", f"a child process did not start: {how}"))


async def _answer(call: Any) -> Frame:
    try:
        return {"value": await call}
    except StoreError as error:
        return {"error": str(error)}


def _fields(job: Job) -> Mapping[str, Any]:
    """What is known of a job that was just claimed, as JSON."""
    told = {field.name: getattr(job, field.name) for field in fields(job)}
    error = job.error and job.error.to_json()
    return {**told, "error": error, "history": []}
