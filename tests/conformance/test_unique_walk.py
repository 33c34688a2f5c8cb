"""Whatever happens, in whatever order: a unique key has one holder, the one that it should have."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.conformance.conftest import Open, Opener
from tests.conformance.examples import examples
from tests.conformance.test_random_walk import RUNNING_ONLY, TRANSITIONS
from tests.conformance.unique_model import Keys, changed, waits
from tests.conformance.world import Clock, World

from kiribi.errors import Duplicate, IllegalTransition
from kiribi.job import FINAL, OPEN, WAITING, Job, JobStatus
from kiribi.lifecycle import Change
from kiribi.ports import NewJob, Retention
from kiribi.search import JobFilter
from kiribi.stores.d1 import D1Store
from kiribi.unique import UniqueKey

STATES = tuple(
    tuple(status for status in JobStatus if status in states)
    for states in (WAITING, OPEN, {JobStatus.PENDING}, OPEN | {JobStatus.COMPLETED}, set(JobStatus))
)
DAY = 86_400_000

some = st.integers(0, 40)
states = st.sampled_from(STATES)
within = st.sampled_from([None, None, 1_000, 60_000])
on_conflict = st.sampled_from(["return", "raise", "replace", "reschedule"])
job = st.tuples(
    st.sampled_from(["A", "A", "A", "B"]),
    st.sampled_from("kkkl"),
    st.sampled_from([0, 0, 500, 5_000]),
    st.sampled_from([0, 9]),
    st.sampled_from([3, 3, 3, 2_000]),
)
insert = st.tuples(
    st.just("insert"), states, within, on_conflict, st.lists(job, min_size=1, max_size=3)
)
claim = st.tuples(st.just("claim"), st.integers(1, 3))
end = st.tuples(st.sampled_from(["cancel", "complete"]), some)
retry = st.tuples(st.just("retry"), some)
WEIGHTED = (
    *(insert,) * 6,
    *(end, retry) * 3,
    *(claim,) * 2,
    *(st.tuples(st.sampled_from(list(TRANSITIONS)), some),) * 2,
    st.tuples(st.just("delete"), some),
    st.tuples(st.just("pass"), st.sampled_from([1, 500, 1_000, 60_000, 10 * DAY])),
    st.tuples(st.just("prune")),
)
step = st.sampled_from(WEIGHTED).flatmap(lambda kind: kind)  # one_of would count each once


class Walk:
    """One walk over a fresh store; after each step, the store and the model agree."""

    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store
        self.keys = Keys()
        self.serial = 0

    async def jobs(self) -> dict[str, Job]:
        page = await self.store.search(JobFilter(), limit=1_000)
        return {job.id: job for job in await self.store.find([job.id for job in page.jobs])}

    async def take(self, step: tuple) -> None:  # pyright: ignore
        await self.carry_out(await self.jobs(), *step)
        jobs, now = await self.jobs(), self.world.clock.now
        told = await self.store.unique_keys(list(jobs))
        expected = {
            id: self.keys.holder(jobs, self.keys.rules[id].place, now)
            for id in jobs
            if self.keys.lasts(id, now)
        }
        assert {id: held.holder for id, held in told.items()} == expected
        for id, held in told.items():
            rule = self.keys.rules[id]
            end = self.keys.rules[held.holder].until if held.holder else None
            assert (held.states, held.until_ms) == (rule.states, rule.until)
            assert held.held_until_ms == end
        pulse = await self.store.pulse()
        counted = sum(sum(one.by_status.values()) for one in pulse.bindings)
        assert counted == len(jobs), "the counters are off"

    async def carry_out(self, jobs: dict[str, Job], what: str, *with_: Any) -> None:
        world, store = self.world, self.store
        match what, *with_:
            case "insert", states, within, on_conflict, several:
                await self.insert(jobs, states, within, on_conflict, several)
            case "claim", limit:
                await store.claim("w1", ["A", "B"], limit)
            case "pass", ms:
                world.clock.advance(ms)
                await world.worker()
            case ("prune",):
                await store.prune(Retention(dict.fromkeys(FINAL, 60)), 5)
            case "delete", pick if jobs:
                await store.delete([list(jobs)[pick % len(jobs)]])
            case _, pick if what in TRANSITIONS:
                changes = [change for job in jobs.values() if (change := possible(what, job))]
                if changes:
                    await self.change(jobs, changes[pick % len(changes)])
            case _:
                pass

    async def insert(
        self,
        jobs: dict[str, Job],
        states: tuple[JobStatus, ...],
        within: int | None,
        on_conflict: Any,
        several: list[tuple[str, str, int, int, int]],
    ) -> None:
        now, new = self.world.clock.now, list[NewJob]()
        for binding, key, delay, priority, size in several:
            self.serial += 1
            payload = json.dumps(f"{self.serial}{'.' * size}")
            unique = UniqueKey(key, states, within, on_conflict)
            one = self.world.new(binding, payload, delay_ms=delay, priority=priority, unique=unique)
            new.append(one)
        if on_conflict == "raise" and self.keys.refuses(jobs, new, now):
            with pytest.raises(Duplicate):
                await self.store.insert(new)
            assert await self.jobs() == jobs
            return
        answers = self.keys.enqueued(jobs, new, now)
        stored = await self.store.insert(new)
        assert [job.id for job in stored] == [answers[one.id] for one in new]
        assert [job.duplicate for job in stored] == [answers[one.id] != one.id for one in new]
        await self.judge_contents(jobs, new, answers, on_conflict)

    async def judge_contents(
        self, jobs: dict[str, Job], new: list[NewJob], answers: dict[str, str], on_conflict: str
    ) -> None:
        """Nothing is changed but what should be."""
        after, first = await self.jobs(), {one.id: one for one in new}
        last = changed(new, answers) if on_conflict in ("replace", "reschedule") else {}
        for id, job in after.items():
            if id in last and waits(jobs.get(id)):
                assert job.due_ms == self.world.clock.now + last[id].delay_ms
                replaced = on_conflict == "replace"
                content = last[id] if replaced else jobs.get(id) or first[id]
                assert (job.payload, job.priority) == _content(content)
                assert job.status is JobStatus.PENDING or not replaced
            elif id in jobs:
                assert job == jobs[id]
            else:
                assert (job.payload, job.priority) == _content(first[id])

    async def change(self, jobs: dict[str, Job], change: Change) -> None:
        again = change.expected in FINAL
        allowed = not again or self.keys.retry(jobs, change.id, self.world.clock.now)
        assert await self.store.apply([change]) == [allowed]
        assert allowed or await self.jobs() == jobs


def possible(name: str, job: Job) -> Change | None:
    """A transition, if the job allows it."""
    if name in RUNNING_ONLY and job.status is not JobStatus.PROCESSING:
        return None
    try:
        return TRANSITIONS[name](job)
    except IllegalTransition:
        return None


def _content(of: NewJob | Job) -> tuple[Any, int]:
    payload = json.loads(of.payload) if isinstance(of, NewJob) else of.payload
    return payload, of.priority or 0


async def walk(fresh: Open, steps: list[tuple]) -> None:  # pyright: ignore
    clock = Clock()
    store = await fresh(clock)
    try:
        world = World(store, clock)
        await world.worker()
        walking = Walk(world)
        # where each call is a request over the network, the beginning has to do
        for step in steps[:6] if isinstance(store, D1Store) else steps:
            await walking.take(step)
    finally:
        await store.close()


FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


ONE = [("A", "k", 0, 0, 3)]
BOTH_ENDED = [("insert", STATES[1], None, "return", ONE), ("cancel", 0)] * 2


@pytest.mark.timeout(300)
def test_a_key_has_the_holder_it_should_have(opener: Opener, runner: asyncio.Runner) -> None:
    @settings(max_examples=examples(opener, 80))
    @example(steps=[*BOTH_ENDED, ("retry", 0), ("retry", 0)])
    @example(steps=[*BOTH_ENDED, ("retry", 1), ("retry", 0)])
    @given(steps=st.lists(step, min_size=12, max_size=40))
    def every(steps: list[tuple]) -> None:  # pyright: ignore
        runner.run(walk(opener.open, steps))

    every()


@pytest.mark.long
@pytest.mark.timeout(1_200)
@settings(max_examples=1_500, deadline=None, print_blob=True, suppress_health_check=FIXTURES)
@given(steps=st.lists(step, min_size=40, max_size=120))
def test_a_key_after_a_great_deal(
    fresh: Open,
    runner: asyncio.Runner,
    steps: list[tuple],  # pyright: ignore
) -> None:
    runner.run(walk(fresh, steps))
