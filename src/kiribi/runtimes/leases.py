"""The leases of a supervisor's children: renewed in time, or the child is killed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection

from kiribi.errors import StoreError
from kiribi.ports import Store
from kiribi.runtimes.member import Member

logger = logging.getLogger("kiribi")


class Leases:
    """Renews the leases of `members` every `beat` seconds for `lease_ms` milliseconds."""

    def __init__(
        self, store: Store, members: Collection[Member], lease_ms: int, beat: float
    ) -> None:
        self._store = store
        self._members = members
        self._lease_ms = lease_ms
        self._beat = beat
        self._renewed = time.time()

    @property
    def overslept(self) -> bool:
        """Whether a renewal is overdue by the wall clock, which goes on while a machine sleeps."""
        return abs(time.time() - self._renewed) > 2 * self._beat

    async def keep(self) -> None:
        """Renew for ever."""
        while True:
            sent = time.monotonic()
            await self.renew()
            await asyncio.sleep(max(0.0, sent + self._beat - time.monotonic()))

    async def renew(self) -> None:
        """Renew once; a child whose worker somebody has buried is killed."""
        self._renewed, sent = time.time(), time.monotonic()
        members = {member.id: member for member in self._members if member.until is not None}
        if not members:
            return
        try:
            renewed = await self._store.renew(list(members), self._lease_ms)
        except StoreError as error:
            logger.warning("the leases of %d workers were not renewed: %s", len(members), error)
            return
        for id, member in members.items():
            if id in renewed:
                member.until = sent + self._lease_ms / 1000
            else:
                member.kill("its lease was taken away")

    async def guard(self) -> None:
        """Kill, for ever, the children whose jobs somebody else may already have.

        A lease may lapse while the store can be read and not written, as when a child holds
        the write lock of SQLite and the GIL. Then nobody else can write either, and as long as
        the store says that a worker lives, nobody has taken its jobs.
        """
        pause = self._beat / 5
        while True:
            await asyncio.sleep(pause)
            soon = time.monotonic() + 2 * pause
            late = [m for m in self._members if m.until is not None and m.until < soon]
            if not late:
                continue
            living = await self._living(pause)
            for member in late:
                if member.id not in living:
                    member.kill("its lease could not be renewed in time")

    async def _living(self, timeout: float) -> set[str]:
        try:
            async with asyncio.timeout(timeout):
                workers = await self._store.workers()
        except (StoreError, TimeoutError):
            return set()
        return {worker.id for worker in workers if worker.dead_reason is None}
