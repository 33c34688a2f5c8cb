"""The main of a slot: a child process that performs jobs for its parent, one at a time.

It imports the application anew and enters its lifespan, but never opens the store: what the
performer writes goes through the parent; see `executors.slot`.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from kiribi._attempt import Running
from kiribi._execution import returned
from kiribi._failure import described
from kiribi.application import Application
from kiribi.errors import (
    InvalidApplication,
    InvalidPayload,
    StoreError,
)
from kiribi.executors.coroutine import CoroutineExecutor
from kiribi.executors.outcomes import told
from kiribi.executors.spawn import Frame
from kiribi.executors.thread import ThreadExecutor
from kiribi.job import Job, JobError, JobStatus
from kiribi.payloads import fitting
from kiribi.performer import Performer, performers_in
from kiribi.ports import LogLine, Progress
from kiribi.runtimes.parent import Parent, imported


def main() -> None:
    """Perform until the parent says close, or is gone."""
    parent = Parent.attach()
    orders = parent.receive()
    sys.path[:] = orders["path"]
    try:
        application = imported(orders["source"])
        asyncio.run(_serve(parent, application))
    except Exception as error:  # noqa: BLE001 - the job fails by it, wherever it comes from
        cause = error.__cause__ if isinstance(error, InvalidApplication) else None
        parent.send({"broken": described(cause or error).to_json()})


async def _serve(parent: Parent, application: Application) -> None:
    loop = asyncio.get_running_loop()
    frames: asyncio.Queue[Frame] = asyncio.Queue()
    kiribi = application.manager(None, os.environ)
    async with kiribi.lifespan() as app:
        slot = Slot(parent, performers_in(application.module), app)
        parent.send({"ready": True})
        parent.watch(lambda frame: loop.call_soon_threadsafe(frames.put_nowait, frame))
        await slot.serve(frames)


class Slot:
    """Performs what it is told to; the desk of its attempts is the parent."""

    def __init__(self, parent: Parent, performers: Mapping[str, type[Performer]], app: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self._parent = parent
        self._performers = dict(performers)
        self._app = app
        self._coroutine, self._thread = CoroutineExecutor(), ThreadExecutor()
        self._attempt: Running | None = None
        self._calls = itertools.count()
        self._answers: dict[int, asyncio.Future[Frame]] = {}

    async def serve(self, frames: asyncio.Queue[Frame]) -> None:
        """Do as told until told to close."""
        while True:
            match await frames.get():
                case {"job": job, "timeout": timeout, "home": home}:
                    self._attempt = attempt = Running(_job(job), self, None)
                    # The parent sees to it; here it is known.
                    attempt.deadline = None if timeout is None else time.time() + timeout
                    self._parent.send({"begun": True})
                    self._performing = self.loop.create_task(self._perform(attempt, home))
                case {"stop": reason}:
                    if self._attempt is not None:
                        self._attempt.stop(reason)
                case {"call": call, **answer}:
                    asking = self._answers.pop(call)
                    if not asking.done():  # its asker was cancelled meanwhile
                        asking.set_result(answer)
                case {"close": True}:
                    return
                case frame:
                    raise AssertionError(f"the parent said {frame}")

    # The desk

    def add(self, report: LogLine | Progress) -> None:
        """See `Desk`."""
        if isinstance(report, LogLine):
            self._parent.send({"log": [report.at_ms, report.level, report.message]})
        else:
            self._parent.send({"progress": [report.fraction, report.message]})

    async def step(self, id: str, name: str) -> tuple[Any] | None:
        """See `Desk`."""
        del id  # the one of the running attempt
        stored = await self._call({"step": name})
        return None if stored is None else (stored[0],)

    async def store_step(self, job: Job, name: str, value: str) -> bool:
        """See `Desk`."""
        del job  # the running attempt's
        return await self._call({"store_step": [name, value]})

    async def _call(self, frame: Frame) -> Any:
        call = next(self._calls)
        answer = self._answers[call] = self.loop.create_future()
        self._parent.send({"call": call, **frame})
        match await answer:
            case {"error": message}:
                raise StoreError(message)
            case answered:
                return answered["value"]

    # Performing

    async def _perform(self, attempt: Running, home: str) -> None:
        binding = attempt.job.binding
        try:
            value = await self._value(attempt, home)
            try:
                outcome: Frame = {"value": returned(value)}
            except InvalidPayload as error:
                outcome = {
                    **self._told(binding, error),
                    "signal": "discard",
                    "reason": str(error),
                }
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent is told
            outcome = self._told(binding, error)
        self._attempt = None
        self._parent.send({"outcome": outcome})

    async def _value(self, attempt: Running, home: str) -> Any:
        cls = self._performer(attempt.job.binding, home)
        payload = fitting(cls, attempt.job.payload)
        performer = cls(None, os.environ)
        performer.app = self._app
        performer.begin(attempt)
        natural = inspect.iscoroutinefunction(cls.perform)
        executor = self._coroutine if natural else self._thread
        return await executor.run(attempt, performer, payload)

    def _performer(self, binding: str, home: str) -> type[Performer]:
        if binding not in self._performers:
            # A manager may have performers from anywhere.
            self._performers |= performers_in(imported(home).module)
        if binding not in self._performers:
            raise InvalidApplication("binding", binding, f"a child process must find it in {home}")
        return self._performers[binding]

    def _told(self, binding: str, error: BaseException) -> Frame:
        cls = self._performers.get(binding)
        return told(error, "" if cls is None else cls.__module__)


def _job(told: Mapping[str, Any]) -> Job:
    error = told["error"]
    known: dict[str, Any] = {
        "status": JobStatus(told["status"]),
        "error": None if error is None else JobError.from_json(error),
        "history": (),
    }
    return Job(**{**told, **known})


if __name__ == "__main__":
    main()
