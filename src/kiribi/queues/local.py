"""The doorbell of one machine: rings within the process, and hears other processes' commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import apsw

from kiribi.queues._waiters import Waiters
from kiribi.stores._apsw import connect, execute

EVERY = 0.030
"""Seconds between looks at the file for commits of other processes, while somebody waits."""


class LocalQueue:
    """See `ports.Queue`. `path`: the SQLite file; None: no other process has the data.

    Whoever waits hears everything: of a commit nobody knows what it was about.

    Raises:
        StoreUnavailable: the file cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self._connection = None if path is None else connect(path, read_only=True)
        if self._connection is not None:
            # an event loop must not wait for a lock: the next look will do
            self._connection.set_busy_handler(None)
        self._version = 0
        self._waiters = Waiters(self._changed, None if path is None else EVERY)
        self.mark()

    def ring(self, delays: Iterable[float] = (), bindings: Collection[str] | None = None) -> None:
        """See `ports.Queue`. Any thread may ring; who hears it asks the store what is due."""
        del delays, bindings
        self._waiters.ring()

    def mark(self) -> int:
        """See `ports.Queue`."""
        return self._waiters.mark()

    async def wait(
        self, mark: int, timeout: float, bindings: Collection[str] | None = None
    ) -> bool:
        """See `ports.Queue`. False at once when closed."""
        del bindings
        return await self._waiters.wait(mark, timeout)

    async def close(self) -> None:
        """See `ports.Queue`."""
        self._waiters.close()
        with self._waiters.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _changed(self) -> bool:
        """Whether another connection has committed since the last look."""
        if self._connection is None:
            return False
        try:
            ((version,),) = execute(self._connection, "PRAGMA data_version")
        except apsw.BusyError:
            return False
        changed, self._version = version != self._version, version
        return changed
