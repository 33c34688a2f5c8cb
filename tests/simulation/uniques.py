"""Unique jobs: no second job of a binding and key is stored while the first holds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.simulation.rows import FINAL, WAITING, Row
from tests.simulation.rules import Batch, Rule

from kiribi import Job


class Hold(NamedTuple):
    """By which rule a job holds a key, from the options it was enqueued with."""

    binding: str
    key: str
    states: tuple[str, ...]
    until: int | None

    def counts(self, row: Row | None, now: int) -> bool:
        """Whether the job that is `row` still keeps others out."""
        in_time = self.until is None or now < self.until
        return row is not None and row.status in self.states and in_time


class Uniques(Rule):
    """Remembers, by (binding, key), who holds it; by id, its `Hold`; by serial number, its job."""

    def changed(self, batch: Batch) -> None:
        """A key passes on only from a job that no longer counts."""
        for row in batch.moved:
            old = batch.before.get(row.id)
            if old is None:
                self.remember(_n(row), row.id)
                if hold := _asked(row, batch.now):
                    self.remember(row.id, hold)
                    self._taken(hold, row, batch)
            elif old.status in FINAL and row.status == "PENDING":
                hold = self.memory.get(row.id)
                if hold is not None and (hold.until is None or batch.now < hold.until):
                    self.saw("unique job retried")
                    self._taken(hold, row, batch)
            busy = row.status not in WAITING or (old is not None and old.status not in WAITING)
            if busy and (hold := self.memory.get(row.id)) is not None:
                self.remember(("busy", hold.binding, hold.key), self.world.loop.now)

    def _taken(self, hold: Hold, row: Row, batch: Batch) -> None:
        place = hold.binding, hold.key
        holder = self.memory.get(place)
        if holder not in (None, row.id) and self.memory[holder].counts(
            batch.after.get(holder), batch.now
        ):
            other = batch.after[holder]
            self.fail(f"two hold the key {hold.key} of {hold.binding}: {other} and {row}")
        self.remember(place, row.id)
        self.saw("unique job")

    def replaced(self, old: Row, row: Row) -> None:
        """A batch that enqueues has changed a job that was there."""
        hold = self.memory.get(row.id)
        if hold is None or self.memory.get((hold.binding, hold.key)) != row.id:
            self.fail(f"changed by a duplicate, but it holds no key: {old} -> {row}")
            return
        if old.status not in WAITING or not hold.counts(old, self.world.clock.ms()):
            self.fail(f"changed by a duplicate, though {old.status}: {old} -> {row}")
        same = ("attempts", "crashes", "history", "started_ms", "worker", "cancel_requested")
        if row.payload == old.payload:
            self.saw("rescheduled")
            same = (*same, "status", "failures", "options", "priority")
        else:
            self.saw("replaced")
            if (row.status, row.failures) != ("PENDING", 0):
                self.fail(f"replaced, but not from zero: {old} -> {row}")
        wrong = [name for name in same if getattr(old, name) != getattr(row, name)]
        if wrong and not (wrong == ["crashes"] and row.crashes == 0):
            self.fail(f"a duplicate changed {wrong}: {old} -> {row}")
        self.remember(_n(row), row.id)

    def overwrites(self, n: int, row: Row) -> bool:
        """Whether a later job of the same call has replaced that of a number."""
        return row.id in self._safe and _n(row) > n

    def stored(self, n: int) -> bool:
        """Whether the job of this number was ever stored, or replaced another."""
        return n in self._safe

    def answered(
        self, job: Job, numbers: Sequence[int], options: dict[str, Any], asked: float
    ) -> None:
        """`enqueue` has returned a duplicate, for what was asked at a time.

        `numbers`: its own, and those of later jobs of the call: the last of a key wins.
        """
        self.saw("duplicate")
        n = numbers[0]
        hold = self._safe.get(job.id)
        key = options["unique"]["key"]
        if hold is None or (hold.binding, hold.key) != (job.binding, key):
            self.fail(f"job {n} is no duplicate of {job.id}: {hold}")
            return
        if options["unique"]["on_conflict"] != "replace":
            if self.stored(n):
                self.fail(f"job {n} was stored, and called a duplicate of {job.id}")
        elif (
            not any(map(self.stored, numbers))
            and (row := self.judge.safe.get(job.id)) is not None
            and row.status in WAITING
            and self._safe.get(("busy", hold.binding, hold.key), -1.0) < asked
        ):
            self.fail(f"job {n} was to replace {job.id}, which waited all the time")


def _n(row: Row) -> int:
    return json.loads(row.payload)["n"]


def _asked(row: Row, now: int) -> Hold | None:
    given = json.loads(row.options or "{}").get("unique")
    if not isinstance(given, dict):
        return None
    moves = given.get("on_conflict") in ("replace", "reschedule")
    usual = WAITING if moves else (*WAITING, "PROCESSING")
    within = given.get("within")
    until = None if within is None else now + round(within * 1000)
    return Hold(row.binding, given["key"], tuple(given.get("states") or usual), until)
