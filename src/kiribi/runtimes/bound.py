"""Performers in Workers of their own, as the manager sees them: `elsewhere` is their side.

The manager calls `perform(payload, context)`. A performer of Kiribi answers with an envelope, so
that its errors keep type, message and traceback, and `Retry`, `Snooze` and `Discard` mean what
they mean elsewhere; any other answers or throws, and knows nothing of the context.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from pyodide.ffi import (
    JsException,
    create_proxy,
)

from kiribi._attempt import Running
from kiribi._failure import Raised
from kiribi._platform import made
from kiribi.executors.coroutine import CoroutineExecutor
from kiribi.executors.outcomes import raised
from kiribi.job import JobError
from kiribi.performer import Performer
from kiribi.runtimes.javascript import called, from_js, object_of, to_json

ENVELOPE = "kiribi"
"""The field by which an envelope is known; its value is the version."""
PATIENCE = 5.0
"""Seconds that a performer elsewhere gets to end by itself: after its timeout, or once stopped."""


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
        there = made(performer_of(attempt.job.binding, stub), None, None)
        there.begin(attempt)
        return await CoroutineExecutor().run(attempt, there, attempt.job.payload)


async def perform_through(stub: Any, attempt: Any, payload: Any) -> Any:
    """What the performer behind `stub` returned, or raised."""
    told = _Context(attempt)
    try:
        call = asyncio.ensure_future(called(stub, "perform", to_json(payload), told.object))
        answer = from_js(await _patient(call, told))
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


async def _patient(call: asyncio.Future[Any], told: _Context) -> Any:
    """What the call answers; when we are cancelled it is told so, and has a while to end."""
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        told.stop()
        if not (await asyncio.wait({call}, timeout=PATIENCE))[0]:
            call.cancel()
            raise
        return call.result()


class _Context:
    """What a performer elsewhere may say to the store, and ask."""

    def __init__(self, attempt: Running) -> None:
        self._attempt = attempt
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        job = attempt.job
        calls: list[Callable[..., Any]] = [
            self.log,
            self.progress,
            self.step,
            self.storeStep,
            self.cancelled,
            self.stopped,
        ]
        self._proxies = {call.__name__: create_proxy(call) for call in calls}
        about = {"id": job.id, "binding": job.binding, "attempts": job.attempts}
        self.object = object_of(job=to_json(about), timeout=attempt.timeout, **self._proxies)

    def stop(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    def destroy(self) -> None:
        self.stop()
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

    async def stopped(self, *_: Any) -> str | None:
        """Answers when the work is to end, with the reason; or has ended."""
        await self._end
        return self._attempt.stopping
