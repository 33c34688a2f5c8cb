"""What a tick does for the tables on PostgreSQL: figures are gathered, the past is pruned by days.

Jobs that ended stand on shelves, two for each day (see `make_shelf` in the migrations). A shelf all
of whose jobs are outlived goes at once; of others the outlived go one by one, in small steps.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from types import MappingProxyType

from kiribi.job import JobStatus
from kiribi.ports import Retention
from kiribi.stores._asyncpg import FAILED, Connections
from kiribi.stores._figures import DAY, HOUR, HOURS_KEPT, MINUTE, MINUTES_KEPT
from kiribi.stores._postgres_statements import prepared
from kiribi.stores._rows import Row, dumps
from kiribi.stores._sql_store import SqlStore

EMPTYING_SECONDS = 600.0
"""A shelf may hold millions of jobs, which are counted before they go."""
PATIENCE_SECONDS = 5.0
"""For so long a tick begins with another shelf, where many are outlived."""


class Upkeep(SqlStore):
    """A store whose figures and past are kept as PostgreSQL likes it."""

    connections: Connections
    schema: str
    _shelved_hour: int | None = None
    _left_to_others: Mapping[str, float] = MappingProxyType({})

    async def take_turn(self, name: str, seconds: float) -> bool:
        """See `ports.Store`. Who comes a little early may: nobody's seconds are exact.

        Whom somebody was before does not ask the next time, or the next two.
        """
        now = time.monotonic()
        if now < self._left_to_others.get(name, 0.0):
            return False
        rows = await self._rows("take_turn", f"turn {name}", round(seconds * 900))
        if not rows:
            chance = random.uniform(1.5, 2.5)  # noqa: S311
            self._left_to_others = {**self._left_to_others, name: now + seconds * chance}
        return bool(rows)

    async def roll_up(self) -> None:
        """See `ports.Store`. One at a time; another would find nothing to do."""
        await self._write(
            [
                ("gather", ()),
                ("roll_up", (MINUTE, MINUTES_KEPT, HOUR)),
                ("roll_up", (HOUR, HOURS_KEPT, DAY)),
                ("drop_lanes", ()),
            ]
        )

    async def prune(self, retention: Retention, limit: int) -> int:
        """See `ports.Store`. `limit` is for jobs that go one by one."""
        await self._write([("gather", ())], durable=False)
        await self._shelve()
        kept = {status: round(seconds * 1000) for status, seconds in retention.seconds.items()}
        if not kept:
            return 0
        emptied = await self._emptied(kept)
        asked = (dumps(kept), min(kept.values()), limit)
        (rows,) = await self._write([("prune_jobs", asked)])
        if JobStatus.FAILED in kept:
            await self._write([("prune_failures", (kept[JobStatus.FAILED],))])
        return emptied + len(await self._gone(rows))

    async def _shelve(self) -> None:
        """Make the shelves of today and tomorrow: a settle that finds none has to wait for one."""
        hour = self._now() // HOUR
        if hour != self._shelved_hour:
            await self._write([("make_shelves", ())])
            self._shelved_hour = hour

    async def _emptied(self, kept: Mapping[JobStatus, int]) -> int:
        """Empty the shelves all of whose jobs are outlived, and take them away; how many jobs."""
        number = 0
        give_up = time.monotonic() + PATIENCE_SECONDS
        for (shelf,) in await self._rows("outlived_shelves", dumps(kept)):
            gone = await self._empty(shelf)
            if gone is None or time.monotonic() > give_up:
                break
            number += gone[0]
            if gone[1] is not None:
                await self._successors.ended([(id, said) for id, said in json.loads(gone[1])])
            await self._write([("drop_shelf", (shelf,))])
        return number

    async def _empty(self, shelf: int) -> Row | None:
        """How many jobs went, and those that others wait for; None: somebody is in the way."""
        now = None if self._clock is None else self._clock()
        text = prepared("empty_shelf", self.schema).text
        try:
            async with self.connections.use() as connection:
                rows = await connection.fetch(text, now, shelf, timeout=EMPTYING_SECONDS)
        except FAILED as error:
            raise self.connections.unavailable(error) from error
        return rows[0] if rows else None
