"""Every promise, judged when another process has finished the work."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from tests.crash.points.app import HOUR, JOURNAL, NAMES, Default, World, noted_in
from tests.crash.points.scenarios import managed

from kiribi import ActionNotFound, Job
from kiribi.job import JobStatus, Outcome
from kiribi.search import JobFilter

OLD = ("old-1", "old-2")


async def judged(url: str, world: World, scenario: str) -> list[str]:
    """What is wrong."""
    async with managed(url, world) as kiribi:
        page = await kiribi.find_many(limit=1_000)
        jobs = {job.id: job for job in await kiribi.store.find([job.id for job in page.jobs])}
        case = Case(world, scenario, jobs)
        return [*case.wrong(), *await told(kiribi, case), *await figures(kiribi, case)]


class Case:
    """What was noted, and what is stored."""

    def __init__(self, world: World, scenario: str, jobs: dict[str, Job]) -> None:
        self.world = world
        self.scenario = scenario
        self.jobs = jobs
        self.names = {id: name for name, id in world.ids.items()}
        self.notes = defaultdict[str, list[list[Any]]](list)
        for what, *about in noted_in(os.environ[JOURNAL]).read():
            self.notes[what].append(about)
        self.ran = [(binding, id, attempt) for binding, id, attempt in self.notes["ran"]]

    def wrong(self) -> Iterator[str]:
        """All that the journal and the jobs tell."""
        yield from self._accepted()
        yield from self._ends()
        yield from self._attempts()
        yield from self._order()
        yield from self._recurring()

    def may_be_gone(self, id: str) -> bool:
        """Deleted on purpose, or ended so long ago that it was pruned."""
        name = self.names.get(id, "")
        return name.startswith("old") or (name == "doomed" and self.scenario == "act")

    def _accepted(self) -> Iterator[str]:
        asked = {id for _, id in self.notes["accepted"]}
        asked |= {self.world.ids[name] for name in NAMES if not name.startswith("old")}
        for id in asked:
            if id not in self.jobs and not self.may_be_gone(id):
                yield f"{self.names.get(id, id)} is lost"

    def _ends(self) -> Iterator[str]:
        for id, job in self.jobs.items():
            name = self.names.get(id, job.binding)
            wanted = {JobStatus.COMPLETED}
            if job.binding == "FATAL":
                wanted = {JobStatus.FAILED}
            elif job.binding == "LATER" and self.scenario == "act":
                wanted |= {JobStatus.CANCELLED}
            if job.status not in wanted:
                yield f"{name} is {job.status}: {job.error}, {job.history}"
            if job.crashes > 1:
                yield f"{name} counts {job.crashes} crashes of one"
        if self.notes["cancelled"]:
            job = self.jobs[self.world.ids["later-1"]]
            if job.status is not JobStatus.CANCELLED:
                yield f"later-1 was cancelled and is {job.status}"

    def _attempts(self) -> Iterator[str]:
        for (binding, id, attempt), number in Counter(self.ran).items():
            if number > 1:
                yield f"attempt {attempt} of {binding} {id} ran {number} times"
        for (id, attempt), number in Counter(map(tuple, self.notes["hook"])).items():
            if number > 1:
                yield f"hooks of attempt {attempt} of {id} ran {number} times"
        values = defaultdict[str, set[str]](set)
        for id, value in self.notes["once"]:
            values[id].add(value)
        for id, several in values.items():
            if len(several) > 1:
                yield f"once of {id} gave {several}"
            if id in self.jobs and self.jobs[id].result not in several:
                yield f"{id} returned {self.jobs[id].result!r}, its step was {several}"
        for job in self.jobs.values():
            numbers = [attempt.number for attempt in job.history]
            if len(set(numbers)) != len(numbers) or numbers != sorted(numbers):
                yield f"{job.binding} {job.id} has attempts {numbers}"
            if job.attempts != (numbers[-1] if numbers else 0):
                yield f"{job.binding} {job.id} counts {job.attempts} attempts, recorded {numbers}"

    def _order(self) -> Iterator[str]:
        id = self.world.ids
        runs = [id for _, id, _ in self.ran]
        for before, after in (
            (["first"], "second"),
            (["member-1", "member-2"], "callback"),
        ):
            first = runs.index(id[after]) if id[after] in runs else -1
            for name in before:
                if id[name] in runs[first:]:
                    yield f"{name} ran after {after}"

    def _recurring(self) -> Iterator[str]:
        ticks = Counter(
            job.options["tick"] for job in self.jobs.values() if job.binding == "RECURRING"
        )
        twice = [tick for tick, number in ticks.items() if number > 1]
        if twice:
            yield f"ticks {twice} ran twice"
        if ticks:
            every = range(min(ticks), max(ticks) + 1, HOUR * 1000)
            if missing := set(every) - ticks.keys():
                yield f"ticks {sorted(missing)} are missing"


async def told(kiribi: Default, case: Case) -> list[str]:
    """What the store says of schedules, actions and unique keys."""
    wrong: list[str] = []
    schedule = await kiribi.schedules.find("hourly")
    if schedule is None:
        wrong.append("the schedule is gone")
    elif schedule.last_tick_ms is None or schedule.last_tick_ms < case.world.now - 2 * HOUR * 1000:
        wrong.append("the schedule stands still")
    for (id,) in case.notes["action"]:
        try:
            action = await kiribi.action(id)
        except ActionNotFound:
            wrong.append(f"action {id} is lost")
            continue
        counted = action.done + action.skipped + action.failed
        if action.status != "DONE" or counted != action.matched:
            wrong.append(f"action {id} is {action.status}: {counted} of {action.matched}")
    keys = await kiribi.store.unique_keys(
        [id for id, job in case.jobs.items() if job.binding == "ONE"]
    )
    wrong += [f"{id} still holds its key" for id, held in keys.items() if held.holder == id]
    return wrong


async def figures(kiribi: Default, case: Case) -> list[str]:
    """Counters and statistics beside the jobs they are of."""
    wrong: list[str] = []
    real = Counter((job.binding, job.status) for job in case.jobs.values())
    pulse = await kiribi.pulse()
    counted = {(c.binding, s): n for c in pulse.bindings for s, n in c.by_status.items() if n}
    if counted != real:
        wrong.append(f"counters say {counted}, there are {dict(real)}")
    if (await kiribi.count(JobFilter())).value != len(case.jobs):
        wrong.append("count does not count")
    outcomes = Counter(attempt.outcome for job in case.jobs.values() for attempt in job.history)
    gone = {"tick": OLD, "act": ("doomed",)}.get(case.scenario, ())
    removed = sum(1 for name in gone if case.world.ids[name] not in case.jobs)
    expected = {
        "enqueued": len(case.jobs) + removed,
        # who was pruned had completed
        "completed": outcomes[Outcome.COMPLETED] + (removed if gone == OLD else 0),
        "failed": outcomes[Outcome.FAILED],
        "crashed": outcomes[Outcome.CRASHED],
    }
    stats = await kiribi.stats(hours=24 * 30)
    said = {name: sum(getattr(one, name) for one in stats) for name in expected}
    if said != expected:
        wrong.append(f"statistics say {said}, it was {expected}")
    return wrong
