"""The doorbell of a simulated process: the real local one, which hears others by its luck.

On SQLite every commit to the file is heard, wherever it comes from. Elsewhere (PostgreSQL's NOTIFY,
Cloudflare Queues) only a ring is. Half of the seeds have the one, half the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from kiribi.queues.local import EVERY, LocalQueue

if TYPE_CHECKING:
    from tests.simulation.loop import Process
    from tests.simulation.world import World


class Bell(LocalQueue):
    """See `ports.Queue`."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        super().__init__(None)
        world.bells.append(self)

    def ring(self, delays: Iterable[float] = (), bindings: Collection[str] | None = None) -> None:
        super().ring(delays, bindings)
        if self._world.plan.remote_bell:
            for bell in self._world.bells:
                if bell is not self:
                    bell._hear_later(0.02)

    def something_was_written(self) -> None:
        """Somebody has committed."""
        if not self._world.plan.remote_bell and self._waiters:
            self._hear_later(EVERY)

    def _hear_later(self, most: float) -> None:
        world = self._world
        times = 1
        if (draw := world.random()) < world.plan.bell_faults:
            kind = int(draw / world.plan.bell_faults * 3)
            times, most = ((0, most), (2, most), (1, 2.0))[kind]  # lost, doubled, late
            world.note("bell", self._process, ("lost", "doubled", "late")[kind])
        for _ in range(times):
            self._process.call_later(most * world.random() ** 2, self._heard)

    def _heard(self) -> None:
        if self._world.plan.remote_bell:
            self._waiters.ring()
        else:
            self._waiters.mark()

    def _changed(self) -> bool:
        """As the real one, which asks `PRAGMA data_version`."""
        version = self._world.database.version
        if self._world.plan.remote_bell or version == self._version:
            return False
        self._version = version
        return True
