"""Schedules: exactly one job for each tick, whoever fires; edits and pauses are never undone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.simulation.rows import Row
from tests.simulation.rules import Batch, Rule

SCHEDULES = """SELECT name, definition, next_ms, paused, declared, last_tick_ms, last_job
FROM schedule"""
FRESH_MS = 3_000
"""As the simulation has it: a tick not fired for so long was missed."""
LATE_MS = 2_500
"""Within this a tick is fired where nothing goes wrong."""


class Schedule(NamedTuple):
    """A schedule as its row has it."""

    name: str
    definition: str
    next_ms: int | None
    paused: int
    declared: int
    last_tick_ms: int | None
    last_job: str | None

    @property
    def parts(self) -> dict[str, Any]:
        """What the definition says."""
        return json.loads(self.definition)


class Ticks(Rule):
    """Remembers schedules by name, and the job of each (name, tick)."""

    def changed(self, batch: Batch) -> None:
        """Follow each schedule from tick to tick."""
        made: dict[str, list[tuple[int | None, Row]]] = {}
        for row in batch.new:
            options = json.loads(row.options or "{}")
            if "schedule" in options:
                made.setdefault(options["schedule"], []).append((options.get("tick"), row))
        if not made and not any("schedule" in name for name in batch.names):
            return
        old: dict[str, Schedule] = self.memory.get("all", {})
        new = {row[0]: Schedule._make(row) for row in self.query(SCHEDULES)}
        if new != old:
            self.remember("all", new)
        for name in old.keys() | new.keys() | made.keys():
            before, after = old.get(name), new.get(name)
            jobs = made.get(name, [])
            if before is None or after is None:
                if jobs:
                    self.fail(f"jobs of no schedule: {jobs}, {before} -> {after}")
            elif before != after or jobs:
                self._moved(before, after, jobs, batch)

    def _moved(
        self,
        old: Schedule,
        new: Schedule,
        jobs: Sequence[tuple[int | None, Row]],
        batch: Batch,
    ) -> None:
        for tick, row in jobs:
            self._made(old, tick, row, batch)
        if not batch.process.name.startswith("supervisor"):
            self._steered(old, new, jobs, batch)
        elif new.definition != old.definition:
            if not old.declared or jobs:
                self.fail(f"an edit was undone: {old} -> {new}")
        elif new.paused != old.paused or old.next_ms is None:
            self.fail(f"a pause was undone: {old} -> {new}")
        else:
            self._fired(old, new, sorted(tick for tick, _ in jobs if tick is not None), batch)

    def _made(self, old: Schedule, tick: int | None, row: Row, batch: Batch) -> None:
        self.saw("run now" if tick is None else "tick")
        if json.loads(row.payload) != old.parts["payload"]:
            self.fail(f"not what its schedule says: {row}, {old}")
        last = None if old.last_job is None else batch.before.get(old.last_job)
        if not old.parts["overlap"] and last is not None and last.open:
            self.fail(f"it overlaps {last}: {row}")
        if tick is None:
            return
        earlier = self.memory.get((old.name, tick))
        if earlier is not None and earlier not in self.judge.deleted:
            self.fail(f"tick {tick} of {old.name} has two jobs: {earlier} and {row}")
        self.remember((old.name, tick), row.id)

    def _steered(
        self,
        old: Schedule,
        new: Schedule,
        jobs: Sequence[tuple[int | None, Row]],
        batch: Batch,
    ) -> None:
        """Somebody has edited, paused, resumed or run it."""
        if any(tick is not None for tick, _ in jobs):
            self.fail(f"a tick was fired by {batch.process}: {old} -> {new}")
        late = batch.now - (old.next_ms or batch.now)
        if self.world.plan.calm and late > LATE_MS:
            self.fail(f"nobody has fired it for {late} ms: {old}")

    def _fired(self, old: Schedule, new: Schedule, ticks: list[int], batch: Batch) -> None:
        parts = old.parts
        step = round(parts["every"] * 1000)
        first = old.next_ms or 0
        if new.next_ms is None or new.next_ms <= first or new.next_ms % step:
            self.fail(f"its next tick is wrong: {old} -> {new}")
            return
        if first > batch.now:
            self.fail(f"fired {first - batch.now} ms too early: {old} -> {new}")
        if self.world.plan.calm and batch.now - first > LATE_MS:
            self.fail(f"fired {batch.now - first} ms too late: {old} -> {new}")
        if ticks and (new.last_tick_ms, new.last_job) != (
            ticks[-1],
            self.memory[old.name, ticks[-1]],
        ):
            self.fail(f"its last tick is wrong: {old} -> {new}")
        covered = range(-(-first // step) * step, new.next_ms, step)
        if len(ticks) < len(covered):
            self.saw("missed" if parts["overlap"] else "left out")
        known = [tick for tick in covered if tick in ticks or (old.name, tick) in self.memory]
        if not any(known == list(right) for right in _right(parts, covered, step)):
            self.fail(f"ticks {known} of {list(covered)} were run: {old} -> {new}")


def _right(parts: dict[str, Any], covered: range, step: int) -> Iterator[Sequence[int]]:
    """What may come of the ticks between two looks; when the second was, is known to a step."""
    first, least, most = covered[0], covered[-1], covered[-1] + step - 1
    answers: list[Sequence[int]] = []
    if first >= least - FRESH_MS or parts["missed"] == "all":
        answers.append(covered[-1000:])
    if first < most - FRESH_MS and parts["missed"] == "once":
        answers.append(covered[-1:])
    if first < most - FRESH_MS and parts["missed"] == "skip":
        answers += [
            [tick for tick in covered if tick >= edge]
            for edge in (least - FRESH_MS, most - FRESH_MS)
        ]
    for answer in answers:
        if parts["overlap"]:
            yield answer
        else:
            yield answer[-1:]
            yield ()
