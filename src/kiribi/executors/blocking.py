"""An attempt as a `def perform` sees it: `once` blocks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from kiribi._attempt import Running

Wait = Callable[[Coroutine[Any, Any, Any]], Any]
"""Returns what a coroutine on the event loop returns, once it has."""


class BlockingAttempt:
    """`attempt`, with `wait` for what it does on the event loop."""

    def __init__(self, attempt: Running, wait: Wait) -> None:
        self._attempt = attempt
        self._wait = wait
        self.job = attempt.job
        self.deadline = attempt.deadline
        self.log = attempt.log
        self.progress = attempt.progress

    @property
    def cancelled(self) -> bool:
        """See `performer.Attempt`."""
        return self._attempt.cancelled

    def once(self, name: str, fn: Callable[[str], Any]) -> Any:
        """See `performer.Attempt`."""
        attempt = self._attempt
        stored = self._wait(attempt.step(name))
        if stored is not None:
            return stored[0]
        return self._wait(attempt.store_step(name, fn(attempt.step_key(name))))
