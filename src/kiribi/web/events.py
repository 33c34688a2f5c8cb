"""Server-sent events: the pulse, pushed when it changes. However many listen, one waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from kiribi.errors import StoreError
from kiribi.ports import Queue
from kiribi.web.pulse import FRESH_SECONDS, Pulses, Taken

logger = logging.getLogger("kiribi")

LOOK_SECONDS = 10.0
"""How long the doorbell is trusted; as often a silent stream shows that it lives."""


class Events:
    """The streams of one server; `close` ends them."""

    def __init__(self, pulses: Pulses, queue: Queue) -> None:
        self._pulses = pulses
        self._queue = queue
        self._closing = asyncio.Event()
        self._turn: asyncio.Task[Taken] | None = None

    def close(self) -> None:
        """End every stream."""
        self._closing.set()

    async def stream(self) -> AsyncIterator[bytes]:
        """One stream, until its client leaves or the server closes."""
        sent = ""
        try:
            pulse = await self._pulses.current()
            while not self._closing.is_set():
                if pulse.tag == sent:
                    yield b": still here\n\n"
                else:
                    sent = pulse.tag
                    yield b"event: pulse\ndata: " + pulse.body + b"\n\n"
                pulse = await self._next()
        except StoreError as error:
            logger.warning("events end, clients will come back: %s", error)

    async def _next(self) -> Taken:
        if self._turn is None or self._turn.done():
            self._turn = asyncio.create_task(self._look())
        # The others go on waiting when one client leaves
        return await asyncio.shield(self._turn)

    async def _look(self) -> Taken:
        """The pulse once the doorbell has rung, at the earliest when it can be another."""
        last = await self._pulses.current()
        closed = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({closed}, timeout=FRESH_SECONDS)
        rung = asyncio.ensure_future(self._queue.wait(last.mark, LOOK_SECONDS))
        try:
            await asyncio.wait({closed, rung}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()
            rung.cancel()
        return last if self._closing.is_set() else await self._pulses.current()
