"""Outcomes on their way to the store: gathered while a write is under way, never dropped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from kiribi._attempt import Reports
from kiribi._execution import Ended
from kiribi.errors import StoreError
from kiribi.job import WAITING
from kiribi.ports import Queue, Store

logger = logging.getLogger("kiribi")

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
"""Seconds between tries while the store cannot be written."""


class Settler:
    """Applies the changes of ended attempts in batches and says which were taken.

    Args:
        done: told of each batch, and which outcomes were taken.
        failed: told that no outcome can be stored any more.
    """

    def __init__(
        self,
        store: Store,
        reports: Reports,
        done: Callable[[Sequence[Ended], Sequence[bool]], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._reports = reports
        self._done = done
        self._failed = failed
        self._ended: list[Ended] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, ended: Ended) -> None:
        """Take an outcome; it is stored soon after, together with its neighbours."""
        self._ended.append(ended)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def flush(self) -> None:
        """Everything taken so far is stored on return."""
        while self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        try:
            while self._ended:
                batch, self._ended = self._ended, []
                await self._reports.flush()
                self._done(batch, await self._apply(batch))
        except Exception as error:  # noqa: BLE001 - handed on
            self._failed(error)
        finally:
            self._writing = None

    async def _apply(self, batch: Sequence[Ended]) -> list[bool]:
        changes = [ended.change for ended in batch]
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._store.apply(changes)
            except StoreError as error:
                # Giving up would run finished work again: the lease decides how long we may try.
                logger.warning("%d outcomes wait to be stored: %s", len(changes), error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)


def ring_for(bell: Queue, batch: Sequence[Ended], taken: Sequence[bool]) -> None:
    """Ring for outcomes that were stored: jobs that go on become due, others have ended."""
    settled = [ended for ended, took in zip(batch, taken, strict=True) if took]
    going_on = [ended for ended in settled if ended.change.status in WAITING]
    if going_on:
        delays = [(ended.change.delay_ms or 0) / 1000 for ended in going_on]
        bell.ring(delays, {ended.job.binding for ended in going_on})
    if len(going_on) < len(settled):
        bell.ring(())
