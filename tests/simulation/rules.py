"""What a rule of the judge's is told, and how its memory follows transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulation.rows import Row

if TYPE_CHECKING:
    from tests.simulation.judge import Judge
    from tests.simulation.loop import Process
    from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch of statements has changed.

    Attributes:
        names: of its statements.
        before, after: the jobs.
        moved: those that are new or changed; gone: those that were removed.
        now: the store's clock.
    """

    process: Process
    names: Sequence[str]
    before: Mapping[str, Row]
    after: Mapping[str, Row]
    moved: Sequence[Row]
    gone: Sequence[Row]
    now: int

    @property
    def new(self) -> list[Row]:
        """The jobs that were inserted."""
        return [row for row in self.moved if row.id not in self.before]

    def ended(self, binding: str) -> list[Row]:
        """The jobs of a binding of which an attempt ended."""
        return [
            row
            for row in self.moved
            if row.binding == binding
            and row.status != "PROCESSING"
            and (old := self.before.get(row.id)) is not None
            and old.status == "PROCESSING"
        ]


class Rule:
    """One part of the promise. What it writes into `memory` is undone by a rollback."""

    def __init__(self, judge: Judge, world: World) -> None:
        self.judge = judge
        self.world = world
        self.memory: dict[Any, Any] = {}
        self._safe: dict[Any, Any] = {}
        self._dirty = False

    def remember(self, key: Any, value: Any) -> None:
        """Until the transaction is rolled back."""
        self._dirty = True
        self.memory[key] = value

    def changed(self, batch: Batch) -> None:
        """Look at what a batch has changed."""
        raise NotImplementedError

    def committed(self) -> None:
        """It is there for all."""
        if self._dirty:
            self._safe, self._dirty = dict(self.memory), False

    def rolled_back(self) -> None:
        """It never happened."""
        if self._dirty:
            self.memory, self._dirty = dict(self._safe), False

    def query(self, sql: str) -> list[Any]:
        """Ask the database."""
        return self.world.database.real.execute(sql).fetchall()

    def fail(self, why: str) -> None:
        """The promise is broken."""
        self.world.fail(why)

    def saw(self, what: str) -> None:
        """Count that something happened: a rule that never has anything to judge proves nothing."""
        self.world.seen[what] += 1
