"""How a batch is carried out on PostgreSQL: tried until it is done, or there is no hope."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Sequence

import asyncpg

from kiribi.stores._asyncpg import DOWN, FAILED, LOST, Connections, transaction
from kiribi.stores._batches import Batch
from kiribi.stores._postgres_statements import Asked, Prepared, composed, prepared
from kiribi.stores._postgres_url import IDLE_MS
from kiribi.stores._rows import Row
from kiribi.stores._sql_store import CONFLICTS

TRYING_SECONDS = 10.0
"""For so long a batch is tried again: a server that restarts is back by then."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds before trying again; then twice as long each time, with jitter."""
QUICK = frozenset({"renew_worker", "renew_workers"})
QUICK_SECONDS = 4.0
"""For statements that must not wait: whose connection is half open would lose his lease by it."""
AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # somebody has migrated
)
"""Somebody was in the way: nothing was done, and the next try finds things as they are then."""
UNHELD = f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS}"
"""A pooler does not let a session begin with it."""
NO_SHELF = re.compile(r"\(shelf\) = \((\d+)\)")


class Tries:
    """See `_lost_answers.Trying`.

    `clock` (epoch milliseconds) stands in for the database's own. `tried` hears of each batch that
    was carried out, or may have been.
    """

    def __init__(
        self,
        connections: Connections,
        schema: str,
        clock: Callable[[], int] | None,
        tried: Callable[[Batch], None],
    ) -> None:
        self._connections = connections
        self._tried = tried
        self._schema = schema
        self._clock = clock
        self.repeated = False

    async def __call__(self, batch: Batch, first: str = "") -> list[list[Row]]:
        """The rows of each statement. `first`: to be said to the transaction, if it takes one.

        Raises:
            StoreUnavailable, SchemaMismatch: it cannot be carried out.
            IdsInConflict and others: as `Batches._write`.
        """
        try:
            return await self._until_done(batch, first)
        finally:
            self._tried(batch)

    async def _until_done(self, batch: Batch, first: str) -> list[list[Row]]:
        until, pause = None, FIRST_PAUSE
        while True:
            asked = [
                (one, prepared(one.name, self._schema))
                for one in composed(batch, repeated=self.repeated)
            ]
            try:
                return await self._carried_out(batch, asked, first)
            except AGAIN as error:
                failed: Exception = error
            except asyncpg.CheckViolationError as error:
                await self._let_pass(error)
                failed = error
            except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
                raise self._connections.outdated(error, self._schema) from error
            except LOST as error:
                if isinstance(error, ValueError):  # the driver's word for a wrong argument
                    raise self._connections.unavailable(error) from error
                self.repeated = True
                failed = error
            except DOWN as error:
                failed = error
            except FAILED as error:
                raise self._connections.unavailable(error) from error
            now = time.monotonic()
            until = until or now + TRYING_SECONDS
            if now + pause > until:
                raise self._connections.unavailable(failed) from failed
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _let_pass(self, error: asyncpg.CheckViolationError) -> None:
        """Make the shelf that was missing, for the next try.

        Raises:
            IdsInConflict and others: the batch was to be aborted.
            StoreUnavailable: it is none of ours.
        """
        if missing := NO_SHELF.search(str(error.detail)):
            make = Tries(self._connections, self._schema, self._clock, self._tried)
            await make([("make_shelf", (int(missing[1]),))])
        elif conflict := CONFLICTS.get(error.constraint_name or ""):
            raise conflict() from None
        else:
            raise self._connections.unavailable(error) from error

    async def _carried_out(
        self, batch: Batch, asked: Sequence[tuple[Asked, Prepared]], first: str
    ) -> list[list[Row]]:
        now = None if self._clock is None else self._clock()
        answers: list[list[Row]] = [[] for _ in batch]
        async with self._connections.use() as connection:
            if len(asked) == 1:
                await self._one(connection, *asked[0], now, answers)
            else:
                async with transaction(connection):
                    pooled = self._connections.pooled
                    if settings := "; ".join(filter(None, (first, UNHELD if pooled else ""))):
                        await connection.execute(settings)
                    for one in asked:
                        await self._one(connection, *one, now, answers)
        return answers

    async def _one(
        self,
        connection: asyncpg.Connection,
        asked: Asked,
        one: Prepared,
        now: int | None,
        answers: list[list[Row]],
    ) -> None:
        arguments = (now, *asked.arguments) if one.timed else asked.arguments
        timeout = QUICK_SECONDS if asked.name in QUICK else None
        rows = await connection.fetch(one.text, *arguments, timeout=timeout)
        for place in asked.answers:
            answers[place] += rows
