"""What an adapter brings: two primitives, on which everything else stands."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from kiribi.stores._rows import Param, Params, Row

Batch = Sequence[tuple[str, Params]]
"""Statements by name, each with its parameters from `?2` on."""
Write = Callable[[Batch], Awaitable[list[list[Row]]]]


class Batches(ABC):
    """Batches of statements. `clock` (epoch milliseconds) stands in for the database's own."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self._clock = clock

    @abstractmethod
    async def _write(self, batch: Batch, *, durable: bool = True) -> list[list[Row]]:
        """Carry out `batch` as one transaction; the rows of each statement.

        Not `durable`: a loss of power may undo it, together with all that came after it.

        Raises:
            IdsInConflict: `refuse_conflicts` found some.
            JobMissing: `refuse_missing` found some.
            SchedulesDiffer: `refuse_schedules` found some.
            StepTaken: `refuse_step` found it so.
        """

    @abstractmethod
    async def _read(self, batch: Batch) -> list[list[Row]]:
        """The rows of each statement, from a snapshot that has all writes answered before."""

    def _now(self) -> int:
        return time.time_ns() // 1_000_000 if self._clock is None else self._clock()

    async def _rows(self, statement: str, *params: Param) -> list[Row]:
        return (await self._read([(statement, params)]))[0]

    async def now_ms(self) -> int:
        """See `ports.Store`."""
        return (await self._rows("now"))[0][0]
