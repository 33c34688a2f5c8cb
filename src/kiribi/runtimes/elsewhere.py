"""A performer in a Worker, or an invocation, that is not its manager's: `bound` is the other side.

What it reports and asks goes through the `context` that the manager passed.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from typing import Any

from pyodide.ffi import JsException

from kiribi._attempt import Running
from kiribi._execution import returned
from kiribi._platform import made
from kiribi.errors import InvalidPayload
from kiribi.executors.coroutine import CoroutineExecutor
from kiribi.executors.inline import InlineExecutor
from kiribi.executors.outcomes import told
from kiribi.job import Job
from kiribi.payloads import fitting
from kiribi.performer import Performer
from kiribi.ports import LogLine, Progress
from kiribi.runtimes.bound import ENVELOPE
from kiribi.runtimes.javascript import from_js

LISTEN_AFTER = 0.5
"""Seconds until it asks to be told of a stop: most attempts have ended by then."""


class _Elsewhere(Running):
    """An attempt whose manager is in another Worker, or invocation."""

    def __init__(self, job: Job, there: _Desk, timeout: float | None, *, blocks: bool) -> None:
        super().__init__(job, there, timeout)
        self._there = there
        self._blocks = blocks

    @property
    def cancelled(self) -> bool:
        """See `Running`. Work that blocks hears nothing meanwhile: it asks."""
        if self._blocks and self.stopping is None:
            return self._there.loop.run_until_complete(self._there.cancelled())
        return super().cancelled

    async def listen(self) -> None:
        """Stop when the manager says so."""
        await asyncio.sleep(LISTEN_AFTER)
        match await self._there.stopped():
            case "cancel" | "release" as reason:
                self.stop(reason)
            case _:
                pass  # it has ended


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
    executor = executor_of(cls)
    blocks = isinstance(executor, InlineExecutor)
    attempt = _Elsewhere(job, desk, None if timeout is None else float(timeout), blocks=blocks)
    listening = asyncio.ensure_future(attempt.listen())
    try:
        fits = fitting(cls, payload)
        performer = made(cls, ctx, env)
        performer.begin(attempt)
        value = await executor.run(attempt, performer, fits)
        outcome = _returned(value)
    except InvalidPayload as error:
        outcome = {**told(error, cls.__module__), "signal": "discard", "reason": str(error)}
    except BaseException as error:  # noqa: BLE001 - whatever it is, the manager is told
        outcome = told(error, cls.__module__)
    listening.cancel()
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

    async def cancelled(self) -> bool:
        """Whether the job is to stop, or nobody waits for it any more."""
        try:
            return bool(await self._call("cancelled"))
        except JsException:
            return True

    async def stopped(self) -> str | None:
        """Returns when the work is to end, with the reason; or has ended."""
        with suppress(JsException):
            return from_js(await self._call("stopped"))

    async def _call(self, name: str, *args: Any) -> Any:
        return await self._context[name](*args)
