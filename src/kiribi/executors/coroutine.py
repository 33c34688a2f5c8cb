"""`async def perform`: on the worker's event loop."""

from __future__ import annotations

import asyncio
from typing import Any

from kiribi._attempt import Running
from kiribi.errors import KiribiTimeoutError
from kiribi.performer import Performer


class CoroutineExecutor:
    """A timeout or a stop cancels the coroutine and awaits its end."""

    async def run(self, attempt: Running, performer: Performer, payload: Any) -> Any:
        """See `ports.Executor`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine run by a worker has a task
        attempt.interrupt = task.cancel
        if attempt.stopping:
            raise asyncio.CancelledError
        if attempt.timeout is None:
            return await performer.perform(payload)
        limit = asyncio.timeout(attempt.timeout)
        try:
            async with limit:
                value = await performer.perform(payload)
        except TimeoutError as error:
            if not limit.expired():
                raise
            stuck = error.__cause__ or error  # its traceback leads to where the time ran out
            raise exceeded(attempt.timeout).with_traceback(stuck.__traceback__) from None
        if limit.expired():  # it swallowed its cancellation and returned late
            raise exceeded(attempt.timeout)
        return value


def exceeded(seconds: float) -> KiribiTimeoutError:
    """The error of an attempt that ran out of time."""
    return KiribiTimeoutError(f"the attempt exceeded its timeout of {seconds:g} s")
