"""What a tick does, whoever ticks: a supervisor, a worker that has none, a platform's trigger."""

from __future__ import annotations

from collections.abc import Sequence

from kiribi._carrier import Carrier
from kiribi._rescue import rescue
from kiribi.job import Job
from kiribi.ports import Queue, Retention, Store

TICK_SECONDS = 1.0
ROLL_UP_TICKS = 60
"""Ticks of a second between two looks for statistics to merge: their finest grain is a minute."""
PRUNE_STEP = 1_000
"""Rows looked at for pruning, a tick."""


class Housekeeping:
    """Rescues, carries bulk actions out, repairs chains, prunes and rolls up: a small step each.

    `roll_up_every`: ticks between two looks for statistics to merge. `carrier`: of bulk actions.
    """

    def __init__(self, store: Store, bell: Queue, *, roll_up_every: int = ROLL_UP_TICKS) -> None:
        self._store, self._bell = store, bell
        self.carrier = Carrier(store)
        self._roll_up_every = roll_up_every
        self._ticks = 0

    async def its_turn(self, seconds: float) -> bool:
        """Whether to tick, for somebody who asks every so many seconds.

        Who carries out an action goes on with it: others leave it to him for a while.
        """
        return self.carrier.carrying or await self._store.take_turn("tick", seconds)

    async def tick(
        self,
        retention: Retention | None,
        *,
        fired: Sequence[Job] = (),
        patience: float = 0,
    ) -> None:
        """Take a step of everything, and ring for what it made due.

        Args:
            retention: how long ended jobs are kept; None: it is not known yet, nothing is pruned.
            fired: jobs of schedules that were stored just now.
            patience: see `rescue`.
        """
        rescued = await rescue(self._store, patience)
        if await self.mend(retention) or rescued or fired:
            self._bell.ring((0,) * (len(rescued) + len(fired) or 1))
        if retention is not None:
            await self._store.prune(retention, PRUNE_STEP)
            if self._ticks % self._roll_up_every == 0:
                await self._store.roll_up()
        self._ticks += 1

    async def mend(self, retention: Retention | None = None) -> bool:
        """Carry out bulk actions, and let go of held jobs that nobody let go; was there any."""
        acted = await self.carrier.tick(retention)
        return await self._store.repair() > 0 or acted
