"""`def perform` where there are no threads: inline. A timeout is noticed only at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from kiribi._attempt import Running
from kiribi.executors.coroutine import exceeded
from kiribi.performer import Performer


class InlineExecutor:
    """Blocks the event loop while it works."""

    async def run(self, attempt: Running, performer: Performer, payload: Any) -> Any:
        """See `ports.Executor`."""
        if attempt.stopping:
            raise asyncio.CancelledError
        performer.begin(_InlineAttempt(attempt))
        value = performer.perform(payload)
        if attempt.deadline is not None and attempt.timeout and time.time() > attempt.deadline:
            raise exceeded(attempt.timeout)
        return value


class _InlineAttempt:
    """An attempt whose `once` blocks: the platform suspends the whole call meanwhile."""

    def __init__(self, attempt: Running) -> None:
        self._attempt = attempt
        self.job = attempt.job
        self.deadline = attempt.deadline
        self.log = attempt.log
        self.progress = attempt.progress

    @property
    def cancelled(self) -> bool:
        return self._attempt.cancelled

    def once(self, name: str, fn: Callable[[str], Any]) -> Any:
        attempt = self._attempt
        stored = self._wait(attempt.step(name))
        if stored is not None:
            return stored[0]
        return self._wait(attempt.store_step(name, fn(attempt.step_key(name))))

    def _wait(self, coroutine: Any) -> Any:
        return self._attempt.desk.loop.run_until_complete(coroutine)
