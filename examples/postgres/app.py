"""The shop's jobs. Workers serve them on any number of machines: `kiribi worker app.py`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from kiribi import Exponential, Kiribi, Performer


@dataclass
class Confirmation:
    order: int


class ConfirmOrder(Performer):
    max_attempts = 5
    timeout = 30  # seconds
    retry_delay = Exponential(base=2, cap=3600)

    async def perform(self, payload: Confirmation) -> dict[str, Any]:
        row = await self.app.fetchrow("SELECT * FROM orders WHERE id = $1", payload.order)
        # The order is there: the job exists because the transaction that stored both committed.
        self.log(f"mail to {row['customer']}: thank you for {row['cents'] / 100:.2f} EUR")
        return {"order": row["id"], "to": row["customer"]}


class Default(Kiribi):
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[asyncpg.Pool]:
        """One pool for each worker process: `self.app` of the performers."""
        url = self.env["KIRIBI_DATABASE_URL"]
        async with asyncpg.create_pool(url, min_size=1, max_size=4) as pool:
            yield pool
