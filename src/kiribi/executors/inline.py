"""`def perform` where there are no threads: inline. A timeout is noticed only at its end."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from kiribi._attempt import Running
from kiribi.executors.blocking import BlockingAttempt
from kiribi.executors.coroutine import exceeded
from kiribi.performer import Performer


class InlineExecutor:
    """Blocks the event loop while it works."""

    async def run(self, attempt: Running, performer: Performer, payload: Any) -> Any:
        """See `ports.Executor`."""
        if attempt.stopping:
            raise asyncio.CancelledError
        # The platform suspends the whole call meanwhile.
        performer.begin(BlockingAttempt(attempt, attempt.desk.loop.run_until_complete))
        value = performer.perform(payload)
        if attempt.deadline is not None and attempt.timeout and time.time() > attempt.deadline:
            raise exceeded(attempt.timeout)
        return value
