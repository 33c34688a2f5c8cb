"""Performers in Workers of their own, seen from both sides.

The manager calls `perform(payload, context)`. A performer of Kiribi answers with an envelope, so
that its errors keep type, message and traceback, and `Retry`, `Snooze` and `Discard` mean what
they mean elsewhere; any other answers or throws, and knows nothing of the context.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, cast

from pyodide.ffi import (
    JsException,
    create_proxy,
)

from kiribi._attempt import Running
from kiribi._execution import returned
from kiribi._failure import Raised
from kiribi._platform import made
from kiribi.errors import InvalidPayload
from kiribi.executors.coroutine import CoroutineExecutor
from kiribi.executors.inline import InlineExecutor
from kiribi.executors.outcomes import raised, told
from kiribi.job import Job, JobError
from kiribi.payloads import fitting
from kiribi.performer import Performer
from kiribi.ports import LogLine, Progress
from kiribi.runtimes.javascript import called, from_js, object_of, to_json

ENVELOPE = "kiribi"
"""The field by which an envelope is known; its value is the version."""
PATIENCE = 5.0
"""Seconds beyond its timeout that a performer elsewhere gets to say so itself."""


def performer_of(binding: str, stub: Any) -> type[Performer]:
    """A performer that has a bound Worker do the work."""

    class Bound(Performer):
        async def perform(self, payload: Any) -> Any:
            return await perform_through(stub, self._attempt, payload)

    Bound.binding = binding
    return Bound


class ExportExecutor:
    """`executor = "process"`, and whatever runs alone: an invocation of its own, same Worker."""

    def __init__(self, exports: Any) -> None:
        self._exports = exports

    async def run(self, attempt: Running, performer: Performer, payload: Any) -> Any:
        """See `ports.Executor`. The other side reads the stored payload for itself."""
        del payload
        stub = getattr(self._exports, type(performer).__name__)
        return await perform_through(stub, attempt, attempt.job.payload)


async def perform_through(stub: Any, attempt: Any, payload: Any) -> Any:
    """What the performer behind `stub` returned, or raised."""
    told = _Context(attempt)
    limit = None if attempt.timeout is None else attempt.timeout + PATIENCE
    try:
        async with asyncio.timeout(limit):
            answer = from_js(await called(stub, "perform", to_json(payload), told.object))
    except JsException as error:
        said = JobError(str(error.name), str(error.message), str(error.stack or ""))
        raise Raised(said) from None
    finally:
        told.destroy()
    if not isinstance(answer, dict) or ENVELOPE not in answer:
        return cast("Any", answer)
    envelope = cast("dict[str, Any]", answer)
    if "error" in envelope:
        raise raised(envelope)
    return envelope.get("value")


class _Context:
    """What a performer elsewhere may say to the store, and ask."""

    def __init__(self, attempt: Running) -> None:
        self._attempt = attempt
        job = attempt.job
        calls: list[Callable[..., Any]] = [
            self.log,
            self.progress,
            self.step,
            self.storeStep,
            self.cancelled,
        ]
        self._proxies = {call.__name__: create_proxy(call) for call in calls}
        about = {"id": job.id, "binding": job.binding, "attempts": job.attempts}
        self.object = object_of(job=to_json(about), timeout=attempt.timeout, **self._proxies)

    def destroy(self) -> None:
        for proxy in self._proxies.values():
            proxy.destroy()

    def log(self, message: Any, level: Any = "info", *_: Any) -> None:
        self._attempt.log(str(level), str(message))

    def progress(self, fraction: Any, message: Any = "", *_: Any) -> None:
        self._attempt.progress(float(fraction), str(message))

    async def step(self, name: Any, *_: Any) -> Any:
        stored = await self._attempt.step(str(name))
        return to_json(None if stored is None else [stored[0]])

    async def storeStep(self, name: Any, value: Any, *_: Any) -> bool:  # noqa: N802 - JavaScript
        return await self._attempt.desk.store_step(self._attempt.job, str(name), str(value))

    def cancelled(self, *_: Any) -> bool:
        return self._attempt.cancelled


async def answered(cls: type[Performer], ctx: Any, env: Any, payload: Any, context: Any) -> Any:
    """Perform for a manager in another Worker, or invocation: the envelope."""
    desk = _Desk(context)
    job = Job(
        str(context["job"]["id"]),
        str(context["job"]["binding"]),
        payload=payload,
        attempts=int(context["job"]["attempts"]),
    )
    timeout = context.get("timeout")
    attempt = Running(job, desk, None if timeout is None else float(timeout))
    try:
        fits = fitting(cls, payload)
        performer = made(cls, ctx, env)
        performer.begin(attempt)
        value = await executor_of(cls).run(attempt, performer, fits)
        outcome = _returned(value)
    except InvalidPayload as error:
        outcome = {**told(error, cls.__module__), "signal": "discard", "reason": str(error)}
    except BaseException as error:  # noqa: BLE001 - whatever it is, the manager is told
        outcome = told(error, cls.__module__)
    await desk.flush()
    return {ENVELOPE: 1, **outcome}


def executor_of(cls: type[Performer]) -> CoroutineExecutor | InlineExecutor:
    """Where a performer's code runs in this very invocation."""
    return CoroutineExecutor() if inspect.iscoroutinefunction(cls.perform) else InlineExecutor()


def _returned(value: Any) -> dict[str, Any]:
    return {"value": returned(value)}


class _Desk:
    """Hands reports to the manager that called, through its context."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.loop = asyncio.get_running_loop()
        self._sending: set[asyncio.Task[Any]] = set()

    def add(self, report: LogLine | Progress) -> None:
        """See `Desk`."""
        if isinstance(report, LogLine):
            call = self._call("log", report.message, report.level)
        else:
            call = self._call("progress", report.fraction, report.message)
        task = self.loop.create_task(call)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def flush(self) -> None:
        while self._sending:
            await asyncio.wait(self._sending)

    async def step(self, id: str, name: str) -> tuple[Any] | None:
        """See `Desk`."""
        del id
        stored = from_js(await self._call("step", name))
        return None if stored is None else (stored[0],)

    async def store_step(self, job: Job, name: str, value: str) -> bool:
        """See `Desk`."""
        del job  # the running attempt's
        return bool(await self._call("storeStep", name, value))

    async def _call(self, name: str, *args: Any) -> Any:
        return await self._context[name](*args)
