"""Whatever happens, in whatever order: what limits allow can be claimed, and nothing more.

So no key with a due job and a free slot is ever left aside: neither by deletes, cancels, retries,
rescues and prunes, nor by limits that change meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.conftest import Open, Opener
from tests.conformance.examples import examples
from tests.conformance.limits_model import Allowed
from tests.conformance.test_random_walk import RUNNING_ONLY, TRANSITIONS
from tests.conformance.world import Clock, World

from kiribi import lifecycle
from kiribi.errors import IllegalTransition
from kiribi.job import Job, JobError, JobStatus
from kiribi.ports import BindingInfo, Retention
from kiribi.search import JobFilter
from kiribi.stores.d1 import D1Store

BINDINGS = ["A", "B"]
KEYS = ["", "k", "k", "l"]
LOST = JobError("WorkerLost", "")

some = st.integers(0, 40)
binding = st.sampled_from(["A", "A", "A", "B"])
rate = st.builds(
    lambda limit, per, burst: {"limit": limit, "per": float(per), "burst": burst},
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "concurrency": st.none() | st.integers(1, 4),
        "concurrency_per_key": st.none() | st.integers(1, 3),
        "rate_limit": st.none() | rate,
        "rate_limit_per_key": st.none() | rate,
    },
)
insert = st.tuples(
    st.just("insert"),
    binding,
    st.sampled_from(KEYS),
    st.integers(1, 4),
    st.sampled_from([0, 0, 0, 900, 2_000]),
    st.sampled_from([0, 0, 9]),
)
claim = st.tuples(st.just("claim"), st.integers(1, 6))
move = st.tuples(st.sampled_from(list(TRANSITIONS)), st.lists(some, min_size=1, max_size=6))
limit = st.tuples(st.sampled_from(["limit", "register"]), binding, limits)
step = st.one_of(
    *(insert, claim, move) * 3,
    *(limit,) * 2,
    st.tuples(st.just("claim ids"), st.lists(some, min_size=1, max_size=6), st.integers(1, 6)),
    st.tuples(st.just("delete"), st.lists(some, max_size=4)),
    st.tuples(st.just("pause"), binding, st.sampled_from([False, False, True])),
    st.tuples(st.just("pass"), st.sampled_from([1, 200, 1_000, 60_000, 10 * 86_400_000])),
    st.tuples(st.just("rescue")),
    st.tuples(st.just("prune")),
    st.tuples(st.just("roll up")),
)


class Walk:
    """One walk over a fresh store; after each step, the store and the model agree."""

    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store
        self.allowed = Allowed()
        self.registered: dict[str, dict[str, Any]] = {name: {} for name in BINDINGS}
        self.overrides: dict[str, dict[str, Any]] = {name: {} for name in BINDINGS}
        self.worker = 0

    async def begin(self) -> None:
        await self.world.worker(self.name, tuple(BINDINGS))

    async def stock(self) -> None:
        for key in KEYS:
            await self.carry_out([], "insert", "A", key, 4, 0, 0)

    @property
    def name(self) -> str:
        return f"w{self.worker}"

    async def jobs(self) -> list[Job]:
        page = await self.store.search(JobFilter(), limit=1_000)
        return await self.store.find([job.id for job in page.jobs])

    def expected(self, jobs: list[Job], later: int = 0) -> dict[str, int]:
        now = self.world.clock.now + later
        return {name: self.allowed.number(jobs, name, now) for name in BINDINGS}

    async def take(self, step: tuple) -> None:  # pyright: ignore
        await self.carry_out(await self.jobs(), *step)
        jobs = await self.jobs()
        for name in BINDINGS:
            wait = await self.store.next_due([name])
            now, later = self.expected(jobs)[name], self.expected(jobs, 1_000)[name]
            assert (wait == 0) == (now > 0), name
            assert (wait is None) == (later == 0), name
            if wait:
                assert self.expected(jobs, wait)[name] > 0, name
                assert self.expected(jobs, wait - 1)[name] == 0, name

    async def carry_out(self, jobs: list[Job], what: str, *with_: Any) -> None:
        world, store = self.world, self.store
        match what, *with_:
            case "insert", binding, key, number, delay, priority:
                options = f'{{"concurrency_key":"{key}"}}' if key else None
                await world.put(number, binding, options=options, delay_ms=delay, priority=priority)
            case "claim", limit:
                await self.claim(jobs, limit)
            case "claim ids", picks, limit if jobs:
                chosen = [jobs[pick % len(jobs)] for pick in picks]
                await self.claim_ids(jobs, {job.id: job for job in chosen}, limit)
            case "delete", picks if jobs:
                await store.delete([jobs[pick % len(jobs)].id for pick in picks])
            case "pause", binding, paused:
                await store.pause(binding, paused)
                (self.allowed.paused.add if paused else self.allowed.paused.discard)(binding)
            case "limit", binding, limits:
                await store.limit(binding, limits or None)
                self.overrides[binding] = {**self.overrides[binding], **limits} if limits else {}
                self.put_in_force(binding)
            case "register", binding, limits:
                given = {name: value for name, value in limits.items() if value is not None}
                await store.register([BindingInfo(binding, limits=given)])
                self.registered[binding] = given
                self.put_in_force(binding)
            case "pass", ms:
                world.clock.advance(ms)
                await self.begin()
            case ("rescue",):
                await store.bury({self.name: "killed"})
                lost = await store.held_by(self.name)
                assert all(await store.apply([lifecycle.crash(job, LOST) for job in lost]))
                await store.dismiss(self.name)
                self.worker += 1
                await self.begin()
            case ("prune",):
                ended = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
                await store.prune(Retention(dict.fromkeys(ended, 60)), 5)
            case ("roll up",):
                await store.roll_up()
            case _, picks if what in TRANSITIONS and jobs:
                await self.transition(what, [jobs[pick % len(jobs)] for pick in picks])
            case _:
                pass

    def put_in_force(self, binding: str) -> None:
        both = {**self.registered[binding], **self.overrides[binding]}
        self.allowed.limits[binding] = {n: value for n, value in both.items() if value is not None}

    async def claim(self, jobs: list[Job], limit: int) -> None:
        expected = self.expected(jobs)
        held = [job.id for job in await self.store.held_by(self.name)]
        claimed = await self.store.claim(self.name, BINDINGS, limit, held=held)
        assert len(claimed) == min(limit, sum(expected.values()))
        taken = Counter(job.binding for job in claimed)
        assert all(taken[name] <= expected[name] for name in BINDINGS)
        self.allowed.started(claimed, self.world.clock.now)

    async def claim_ids(self, jobs: list[Job], chosen: dict[str, Job], limit: int) -> None:
        running = [job for job in jobs if job.status is JobStatus.PROCESSING]
        others = [job for job in running if job.id not in chosen]
        expected = self.expected([*others, *chosen.values()])
        held = [job.id for job in await self.store.held_by(self.name)]
        claimed = await self.store.claim(self.name, BINDINGS, limit, held=held, ids=[*chosen])
        assert len(claimed) == min(limit, sum(expected.values()))
        assert {job.id for job in claimed} <= chosen.keys()
        self.allowed.started(claimed, self.world.clock.now)

    async def transition(self, name: str, jobs: list[Job]) -> None:
        changes: list[lifecycle.Change] = []
        for job in {job.id: job for job in jobs}.values():
            if name in RUNNING_ONLY and job.status is not JobStatus.PROCESSING:
                continue
            try:
                changes.append(TRANSITIONS[name](job))
            except IllegalTransition:
                continue
        assert await self.store.apply(changes) == [True] * len(changes)

    async def end(self) -> None:
        """At rest: all that may start, does."""
        jobs = await self.jobs()
        await self.claim(jobs, 1_000)


async def walk(fresh: Open, steps: list[tuple]) -> None:  # pyright: ignore
    clock = Clock()
    store = await fresh(clock)
    try:
        walking = Walk(World(store, clock))
        await walking.begin()
        await walking.stock()
        # where each call is a request over the network, the beginning has to do
        for step in steps[:8] if isinstance(store, D1Store) else steps:
            await walking.take(step)
        await walking.end()
    finally:
        await store.close()


FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def test_limits_allow_what_they_should_after_anything(
    opener: Opener, runner: asyncio.Runner
) -> None:
    @settings(max_examples=examples(opener, 80))
    @given(steps=st.lists(step, min_size=12, max_size=40))
    def every(steps: list[tuple]) -> None:  # pyright: ignore
        runner.run(walk(opener.open, steps))

    every()


@pytest.mark.long
@pytest.mark.timeout(1_200)
@settings(max_examples=1_000, deadline=None, suppress_health_check=FIXTURES)
@given(steps=st.lists(step, min_size=40, max_size=120))
def test_limits_after_a_great_deal(
    fresh: Open,
    runner: asyncio.Runner,
    steps: list[tuple],  # pyright: ignore
) -> None:
    runner.run(walk(fresh, steps))
