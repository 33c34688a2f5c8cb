"""The connection on which a process hears others, as long as somebody in it wants to hear."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import asyncpg

from kiribi.queues._subjects import Channels, Subject
from kiribi.stores._asyncpg import FAILED
from kiribi.stores._postgres_statements import prepared

logger = logging.getLogger("kiribi")

LOOK_SECONDS = 5.0
"""How often a silent connection is looked at: it may be half open."""
ANSWER_SECONDS = 5.0
"""How long it may take to answer."""
LINGER_SECONDS = 5.0
"""How long it goes on listening for ends once nobody wants to hear of them any more."""
BUSY_SECONDS = 0.2
"""The same for jobs that become due: who finds some each time he looks needs no ring."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before connecting again; each time twice as long, with jitter."""


@dataclass(slots=True)
class _Want:
    waiting: int = 0
    until: float = 0.0
    served: bool = False


class Line:
    """Listens for what is wanted, and has it `heard`, on the loop that made it.

    It is also heard when listening begins, for what may have been missed until then.

    Args:
        connect: opens a connection of its own.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        schema: str,
        heard: Callable[[Subject], None],
    ) -> None:
        self._connect = connect
        self._heard = heard
        self._channels = Channels(schema)
        self._hold, self._let_go = (
            prepared(name, schema).text for name in ("hold_keys", "let_go_keys")
        )
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._wants: dict[Subject, _Want] = {}
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def wanting(self, subject: Subject) -> Generator[None, None, None]:
        """Within this, and a little longer, `subject` is listened for. For any thread."""
        with self._lock:
            want = self._wants.setdefault(subject, _Want())
            want.waiting += 1
            if not want.served:
                self._wake_soon()
        try:
            yield
        finally:
            with self._lock:
                want.waiting -= 1
                want.until = time.monotonic() + (BUSY_SECONDS if subject else LINGER_SECONDS)
                if not want.waiting:
                    self._wake_soon()

    async def fetch(self, sql: str, *arguments: object) -> bool:
        """Carry out a statement on this connection, whose own rings it does not hear.

        False: there is none now. Raises what the driver raises.
        """
        connection = self._connection
        if connection is None:
            return False
        async with self._turn:
            await connection.fetch(sql, *arguments, timeout=ANSWER_SECONDS)
        return True

    async def close(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _wake_soon(self) -> None:
        with suppress(RuntimeError):  # its loop is closed: nobody hears any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self, *_: object) -> None:
        self._changed.set()
        if self._task is None:
            self._task = self._loop.create_task(self._keep())

    async def _keep(self) -> None:
        """Listen for ever, on one connection after the other."""
        failures = 0
        while True:
            try:
                connection = await self._connect()
            except FAILED as error:
                if failures == 0:
                    logger.warning("the doorbell is out of order, workers look: %s", error)
                await asyncio.sleep(_pause(failures))
                failures += 1
                continue
            if failures:
                logger.info("the doorbell works again")
                failures = 0
            try:
                await self._listen(connection)
            except FAILED as error:
                logger.warning("the doorbell was cut off, workers look: %s", error)
                failures = 1
            finally:
                self._connection = None
                with self._lock:
                    for want in self._wants.values():
                        want.served = False
                await connection.close(timeout=1.0)
            await asyncio.sleep(_pause(0))

    async def _listen(self, connection: asyncpg.Connection) -> None:
        connection.add_termination_listener(self._wake)
        self._own = connection.get_server_pid()
        listening: frozenset[str] = frozenset()
        held: frozenset[str] = frozenset()
        served: set[Subject] = set()
        looked = self._loop.time()
        self._connection = connection
        while True:
            self._changed.clear()
            wanted = self._wanted()
            channels = frozenset[str]().union(*map(self._channels.of, wanted))
            keys = frozenset[str]().union(*map(self._channels.keys, wanted))
            silent = self._loop.time() - looked >= LOOK_SECONDS
            async with self._turn, asyncio.timeout(ANSWER_SECONDS):
                for channel in channels - listening:
                    await connection.add_listener(channel, self._notified)
                if keys - held:
                    await connection.fetch(self._hold, list(keys - held))
                for channel in listening - channels:
                    await connection.remove_listener(channel, self._notified)
                if held - keys:
                    await connection.fetch(self._let_go, list(held - keys))
                if silent or connection.is_closed():
                    await connection.execute("SELECT 1")
            if silent or (channels, keys) != (listening, held):
                looked = self._loop.time()
            listening, held = channels, keys
            self._serve(wanted, served)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._changed.wait()

    def _pause(self) -> float:
        """Seconds until there is something to do."""
        with self._lock:
            ends = [want.until for want in self._wants.values() if not want.waiting]
        return max(0.0, min([LOOK_SECONDS, *(end - time.monotonic() for end in ends)]))

    def _wanted(self) -> set[Subject]:
        with self._lock:
            now = time.monotonic()
            for subject, want in list(self._wants.items()):
                if not want.waiting and want.until <= now:
                    del self._wants[subject]
            return set(self._wants)

    def _serve(self, wanted: set[Subject], served: set[Subject]) -> None:
        with self._lock:
            for subject in wanted:
                if subject in self._wants:
                    self._wants[subject].served = True
        for subject in wanted - served:
            self._heard(subject)
        served.clear()
        served |= wanted

    def _notified(self, _: object, pid: int, channel: str, payload: object) -> None:
        if pid != self._own:
            self._heard(self._channels.heard(channel, str(payload)))


def _pause(failures: int) -> float:
    most = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 10))
    return most * random.uniform(0.5, 1)  # noqa: S311 - jitter
