"""The doorbell of many machines: LISTEN and NOTIFY, at most one in ten milliseconds a process."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Collection, Iterable
from contextlib import nullcontext, suppress
from typing import Self

from kiribi.errors import StoreUnavailable
from kiribi.queues._line import Line
from kiribi.queues._subjects import Channels, Row
from kiribi.queues._waiters import Waiters
from kiribi.stores._asyncpg import FAILED, Connections
from kiribi.stores._postgres_statements import prepared
from kiribi.stores.postgres import PostgresStore

logger = logging.getLogger("kiribi")

GATHER_SECONDS = 0.010
"""The first ring goes out at once; those of so many seconds after it go together."""
FLOOR_SECONDS = 1.0
"""How long anybody waits where no ring is heard: behind a pooler no session listens."""
CLOSE_SECONDS = 2.0
"""How long the last rings may take to go out."""


class PostgresQueue:
    """See `ports.Queue`: rings within the process at once, and other processes by NOTIFY.

    Jobs that become due later ring nobody elsewhere: who waits, looks each second.
    """

    def __init__(self, connections: Connections, schema: str) -> None:
        self._connections = connections
        self._channels = Channels(schema)
        self._statement = prepared("ring", schema).text
        self._waiters = Waiters()
        self._line: Line | None = None
        if not connections.pooled:
            self._line = Line(connections.connect, schema, self._waiters.ring)
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._due: set[str] = set()
        self._due_of_any = False
        self._ended = False
        self._sending = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, store: PostgresStore) -> Self:
        """The doorbell of a store's schema."""
        return cls(store.connections, store.schema)

    def ring(self, delays: Iterable[float] = (0,), bindings: Collection[str] | None = None) -> None:
        """See `ports.Queue`. Any thread may ring."""
        delays = tuple(delays)
        self._waiters.ring(bindings if delays else ())
        with self._lock:
            if not delays:
                self._ended = True
            elif min(delays) > 0:
                return
            elif bindings is None:
                self._due_of_any = self._ended = True
            else:
                self._due.update(bindings)
            if not self._sending:
                with suppress(RuntimeError):  # its loop is closed
                    self._loop.call_soon_threadsafe(self._begin)
                self._sending = True

    def mark(self) -> int:
        """See `ports.Queue`."""
        return self._waiters.mark()

    async def wait(
        self, mark: int, timeout: float, bindings: Collection[str] | None = None
    ) -> bool:
        """See `ports.Queue`. False at once when closed."""
        subject = None if bindings is None else frozenset(bindings)
        if self._line is None:
            timeout = min(timeout, FLOOR_SECONDS)
        with nullcontext() if self._line is None else self._line.wanting(subject):
            return await self._waiters.wait(mark, timeout, bindings)

    async def close(self) -> None:
        """See `ports.Queue`. What was rung still goes out."""
        self._waiters.close()
        self._closing.set()
        await asyncio.sleep(0)  # a ring of just now has begun
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            self._task.cancel()
        if self._line is not None:
            await self._line.close()

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._send())

    async def _send(self) -> None:
        """Send what was rung, and go on until nothing is for a while."""
        while rows := self._taken():
            until = self._loop.time() + GATHER_SECONDS
            await self._tell(rows)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._closing.wait()

    def _taken(self) -> list[Row]:
        with self._lock:
            rows = self._channels.rows(None if self._due_of_any else self._due, self._ended)
            self._due, self._due_of_any, self._ended = set(), False, False
            self._sending = bool(rows)
            return rows

    async def _tell(self, rows: list[Row]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        try:
            if self._line is None or not await self._line.fetch(self._statement, *columns):
                await self._connections.fetch(self._statement, *columns)
        except (StoreUnavailable, *FAILED) as error:
            logger.debug("nobody was rung, they look for themselves: %s", error)
