"""Whatever happens to jobs, in whatever order: the counters are the real counts, the cursor tells
of every change, and a claim takes the best."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.conftest import Open
from tests.conformance.world import Clock, World

from kiribi import lifecycle
from kiribi.errors import IllegalTransition
from kiribi.job import WAITING, Job, JobError, JobStatus
from kiribi.lifecycle import Change
from kiribi.ports import Retention
from kiribi.search import JobFilter

BOOM = JobError("ValueError", "boom")
BINDINGS = ["A", "B", "C"]

TRANSITIONS: dict[str, Callable[[Job], Change]] = {
    "complete": lambda job: lifecycle.complete(job, 1),
    "fail": lambda job: lifecycle.fail(job, BOOM, max_attempts=2, delay=3),
    "snooze": lambda job: lifecycle.snooze(job, 2, ""),
    "cancelled": lambda job: lifecycle.cancelled(job, ""),
    "release": lambda job: lifecycle.release(job, ""),
    "crash": lambda job: lifecycle.crash(job, BOOM),
    "cancel": lifecycle.cancel,
    "retry": lifecycle.retry,
    "run now": lifecycle.run_now,
}
RUNNING_ONLY = ("complete", "fail", "snooze", "cancelled", "release", "crash")

some = st.integers(0, 40)
binding = st.sampled_from(BINDINGS)
step = st.one_of(
    st.tuples(st.just("insert"), binding, st.integers(1, 4), st.sampled_from([0, 0, 0, 2_000])),
    st.tuples(st.just("claim"), st.sets(binding, min_size=1), st.integers(1, 5)),
    st.tuples(st.sampled_from(list(TRANSITIONS)), st.lists(some, min_size=1, max_size=4)),
    st.tuples(st.just("stale"), some),
    st.tuples(st.just("delete"), st.lists(some, max_size=4)),
    st.tuples(st.just("pause"), binding, st.booleans()),
    st.tuples(st.just("pass"), st.sampled_from([1, 1_000, 60_000, 3_600_000, 10 * 86_400_000])),
    st.tuples(st.just("prune"), st.integers(1, 10)),
    st.tuples(st.just("roll up")),
)


class Walk:
    """One walk over a fresh store; every step is judged."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = world.store
        self.seen: dict[str, Job] = {}

    async def everything(self) -> dict[str, Job]:
        jobs: dict[str, Job] = {}
        before: str | None = None
        while True:
            page = await self.store.search(JobFilter(), before=before, limit=50)
            jobs |= {job.id: job for job in page.jobs}
            before = page.next
            if before is None:
                return jobs

    async def take(self, step: tuple) -> None:  # pyright: ignore
        before, cursor = await self.everything(), (await self.store.pulse()).cursor
        await self.carry_out(before, *step)
        after, pulse = await self.everything(), await self.store.pulse()
        real = Counter((job.binding, job.status) for job in after.values())
        counted = {
            (counts.binding, status): number
            for counts in pulse.bindings
            for status, number in counts.by_status.items()
            if number
        }
        assert counted == dict(real)
        assert pulse.cursor >= cursor
        assert pulse.cursor > cursor or before == after

    async def carry_out(self, jobs: dict[str, Job], what: str, *with_: object) -> None:
        order = sorted(jobs)
        match what, *with_:
            case "insert", binding, number, delay:
                await self.world.put(number, binding, delay_ms=delay, priority=number)
            case "claim", bindings, limit:
                await self.claim(jobs, sorted(bindings), limit)
            case "delete", picks:
                await self.delete(jobs, [order[pick % len(order)] for pick in picks if order])
            case "pause", binding, paused:
                await self.store.pause(binding, paused)
            case "pass", ms:
                self.world.clock.advance(ms)
                await self.world.worker(bindings=tuple(BINDINGS))
            case "prune", limit:
                ended = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
                await self.store.prune(Retention(dict.fromkeys(ended, 60)), limit)
            case ("roll up",):
                await self.store.roll_up()
            case "stale", pick if self.seen:
                stale = self.seen[sorted(self.seen)[pick % len(self.seen)]]
                took = await self.store.apply([TRANSITIONS["complete"](stale)])
                current = jobs.get(stale.id)
                assert took == [
                    current is not None
                    and (current.status, current.attempts) == (stale.status, stale.attempts)
                ]
            case _, picks if what in TRANSITIONS and order:
                await self.transition(what, [jobs[order[pick % len(order)]] for pick in picks])
            case _:
                pass

    async def claim(self, jobs: dict[str, Job], bindings: list[str], limit: int) -> None:
        now, paused = self.world.clock.now, (await self.store.pulse()).paused
        ranks = sorted(
            job.due_ms - 60_000 * job.priority
            for job in jobs.values()
            if job.status in WAITING
            and job.due_ms <= now
            and job.binding in bindings
            and job.binding not in paused
        )
        waiting = await self.store.next_due(bindings)
        assert (waiting == 0) == bool(ranks)
        claimed = await self.store.claim("w1", bindings, limit)
        assert [job.due_ms - 60_000 * job.priority for job in claimed] == ranks[:limit]
        self.seen |= {job.id: job for job in claimed}

    async def delete(self, jobs: dict[str, Job], ids: list[str]) -> None:
        gone = await self.store.delete(ids)
        assert set(gone) == {id for id in ids if jobs[id].status is not JobStatus.PROCESSING}

    async def transition(self, name: str, jobs: list[Job]) -> None:
        changes: list[Change] = []
        for job in {job.id: job for job in jobs}.values():
            if name in RUNNING_ONLY and job.status is not JobStatus.PROCESSING:
                continue
            try:
                changes.append(TRANSITIONS[name](job))
            except IllegalTransition:
                continue
        assert await self.store.apply(changes) == [True] * len(changes)


SLOW_IS_FINE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


async def walk(fresh: Open, steps: list[tuple]) -> None:  # pyright: ignore
    clock = Clock()
    store = await fresh(clock)
    try:
        world = World(store, clock)
        await world.worker(bindings=tuple(BINDINGS))
        walking = Walk(world)
        for step in steps:
            await walking.take(step)
    finally:
        await store.close()


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(steps=st.lists(step, max_size=25))
def test_a_random_walk(fresh: Open, runner: asyncio.Runner, steps: list[tuple]) -> None:  # pyright: ignore
    runner.run(walk(fresh, steps))


@pytest.mark.long
@pytest.mark.timeout(1_200)
@settings(max_examples=1_000, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(steps=st.lists(step, max_size=60))
def test_long_random_walks(fresh: Open, runner: asyncio.Runner, steps: list[tuple]) -> None:  # pyright: ignore
    runner.run(walk(fresh, steps))
