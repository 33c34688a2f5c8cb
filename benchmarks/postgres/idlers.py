"""Workers with nothing to do: `python -m benchmarks.postgres.idlers <url> <how many>`.

Each has its own connections and its own lease, and does what a worker with its supervisor does;
they share a process, because fifty interpreters would take the cores that are measured.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

from benchmarks.app import Often
from kiribi import Kiribi
from kiribi.runtimes.worker import Worker


async def idle(url: str, number: int) -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with AsyncExitStack() as stack:
        for _ in range(number):
            kiribi = await stack.enter_async_context(Kiribi.connect(url, performers=[Often]))
            await stack.enter_async_context(Worker(kiribi))
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(idle(sys.argv[1], int(sys.argv[2])))
