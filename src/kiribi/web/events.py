"""Server-sent events: the pulse, pushed when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from kiribi.ports import Queue
from kiribi.web.pulse import FRESH_SECONDS, Pulses

LOOK_SECONDS = 10.0
"""How long the doorbell is trusted; as often a silent stream shows that it lives."""


async def pulses(pulses: Pulses, queue: Queue, closing: asyncio.Event) -> AsyncIterator[bytes]:
    """The stream, until the client leaves or the server closes."""
    closed = asyncio.ensure_future(closing.wait())
    sent = ""
    try:
        while not closing.is_set():
            pulse = await pulses.current()
            if pulse.tag == sent:
                yield b": still here\n\n"
            else:
                sent = pulse.tag
                yield b"event: pulse\ndata: " + pulse.body + b"\n\n"
            # No sooner than the pulse can be another, however often it rings
            await asyncio.wait({closed}, timeout=FRESH_SECONDS)
            rung = asyncio.ensure_future(queue.wait(pulse.mark, LOOK_SECONDS))
            try:
                await asyncio.wait({closed, rung}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                rung.cancel()
    finally:
        closed.cancel()
