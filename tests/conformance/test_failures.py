"""What goes wrong, by cause: counted with the outcome, found again, forgotten in time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from tests.conformance.world import World

from kiribi import lifecycle
from kiribi.job import Exit, Job, JobError, JobStatus
from kiribi.lifecycle import Change, fingerprint
from kiribi.ports import Retention
from kiribi.search import FailureGroup, JobFilter


def boom(message: str = "boom", *, type: str = "ValueError", origin: str = "app:send") -> JobError:
    return JobError(type, message, "Traceback", origin)


async def running(world: World, number: int = 1, binding: str = "A") -> list[Job]:
    await world.put(number, binding=binding)
    await world.worker()
    return await world.store.claim("w1", [binding], number)


def failed(job: Job, error: JobError | None = None, *, again: bool = False) -> Change:
    return lifecycle.fail(job, error or boom(), max_attempts=9 if again else 1, delay=0)


async def test_a_group_says_what_when_and_how_often(world: World) -> None:
    one, two, other = await running(world, 3)
    first = world.clock.now
    await world.store.apply([failed(one, boom("line 1")), failed(other, boom(origin=""))])
    world.clock.advance(5_000)
    await world.store.apply([failed(two, boom("line 2"), again=True)])
    groups = await world.store.failures(since_ms=0)
    assert groups[0] == FailureGroup(
        fingerprint("A", "ValueError", "app:send"),
        "A",
        "ValueError",
        "app:send",
        "line 2",
        two.id,
        2,
        first,
        world.clock.now,
    )
    assert [(group.origin, group.number) for group in groups] == [("app:send", 2), ("", 1)]


@pytest.mark.parametrize(
    "other",
    [
        ("B", boom()),
        ("A", boom(type="KeyError")),
        ("A", boom(origin="app:receive")),
    ],
)
async def test_another_cause_is_another_group(world: World, other: tuple[str, JobError]) -> None:
    binding, error = other
    (one,) = await running(world)
    (two,) = await running(world, binding=binding)
    await world.store.apply([failed(one), failed(two, error)])
    assert len(await world.store.failures(since_ms=0)) == 2


async def test_a_crash_is_one_cause_however_it_was_noticed(world: World) -> None:
    one, two, other = await running(world, 3)
    died = Exit(signal="SIGSEGV", peak_memory=5)
    await world.store.apply(
        [
            lifecycle.crash(one, JobError("WorkerLost", "x", origin=str(died), exit=died)),
            lifecycle.crash(two, JobError("WorkerCrashed", "y", origin=str(died), exit=died)),
            lifecycle.crash(other, JobError("WorkerCrashed", "z", origin="exit code 3")),
        ]
    )
    groups = {g.origin: g.number for g in await world.store.failures(since_ms=0)}
    assert groups == {"killed by SIGSEGV": 2, "exit code 3": 1}
    (job,) = await world.store.find([one.id])
    assert job.error is not None
    assert job.error.exit == died


async def test_only_outcomes_that_were_taken_count(world: World) -> None:
    one, two = await running(world, 2)
    assert await world.store.apply([failed(one), failed(replace(two, attempts=7))]) == [True, False]
    assert await world.store.apply([failed(one)]) == [False]
    assert [group.number for group in await world.store.failures(since_ms=0)] == [1]


async def test_what_is_no_failure_is_in_no_group(world: World) -> None:
    jobs = await running(world, 5)
    await world.store.apply(
        [
            lifecycle.complete(jobs[0], 1),
            lifecycle.snooze(jobs[1], 5, "later"),
            lifecycle.cancelled(jobs[2], "enough"),
            lifecycle.release(jobs[3], "shutdown"),
            lifecycle.cancel(jobs[4]),
        ]
    )
    assert await world.store.failures(since_ms=0) == []


async def test_failures_by_time_binding_and_number(world: World) -> None:
    for binding in "ABAB":
        (job,) = await running(world, binding=binding)
        await world.store.apply([failed(job, boom(origin=f"app:{world.clock.now}"))])
        world.clock.advance(1_000)
    found = await world.store.failures(since_ms=0)
    assert [group.binding for group in found] == ["B", "A", "B", "A"]
    assert await world.store.failures(since_ms=world.clock.now - 2_000) == found[:2]
    assert await world.store.failures(since_ms=0, bindings=["A"]) == [found[1], found[3]]
    assert await world.store.failures(since_ms=0, limit=3) == found[:3]


async def test_the_jobs_of_a_group_are_found(world: World) -> None:
    jobs = await running(world, 6)
    await world.store.apply(
        [
            failed(jobs[0]),
            failed(jobs[1], boom(type="KeyError")),
            failed(jobs[2], again=True),
            lifecycle.complete(jobs[3], 1),
            lifecycle.crash(jobs[4], boom()),
        ]
    )
    cause = fingerprint("A", "ValueError", "app:send")
    page = await world.store.search(JobFilter(fingerprint=cause))
    assert [job.id for job in page.jobs] == [jobs[2].id, jobs[0].id]
    only = JobFilter(fingerprint=cause, statuses=(JobStatus.FAILED,))
    assert [job.id for job in (await world.store.search(only)).jobs] == [jobs[0].id]
    waiting = JobFilter(fingerprint=cause, statuses=(JobStatus.RETRY_PENDING,))
    assert [job.id for job in (await world.store.search(waiting)).jobs] == [jobs[2].id]
    among = JobFilter(fingerprint=cause, ids=(jobs[0].id, jobs[1].id))
    assert [job.id for job in (await world.store.search(among)).jobs] == [jobs[0].id]
    assert (await world.store.count(only)).value == 1
    (again,) = await world.store.find([jobs[0].id])
    await world.store.apply([lifecycle.retry(again)])
    assert (await world.store.count(only)).value == 0


async def test_quarantine_is_found_and_left(world: World) -> None:
    (job, other) = await running(world, 2)
    await world.store.apply([failed(other)])
    for _ in range(3):
        await world.store.apply([lifecycle.crash(job, boom())])
        await world.store.claim("w1", ["A"], 1)
        (job,) = await world.store.find([job.id])
    assert (job.status, job.crashes, job.reason) == (JobStatus.FAILED, 3, "crashed")
    crashed, usual = JobFilter(reason="crashed"), JobFilter(reason="failed")
    assert [one.id for one in (await world.store.search(crashed)).jobs] == [job.id]
    assert [one.id for one in (await world.store.search(usual)).jobs] == [other.id]
    assert (await world.store.count(crashed)).value == 1
    everything = JobFilter(reason="crashed", ids=(job.id, other.id))
    assert (await world.store.count(everything)).value == 1
    await world.store.apply([lifecycle.retry(job)])
    (free,) = await world.store.claim("w1", ["A"], 1)
    assert (free.id, free.crashes, free.reason) == (job.id, 0, None)
    assert (await world.store.count(crashed)).value == 0


async def test_causes_are_kept_as_long_as_failed_jobs(world: World) -> None:
    (one, two) = await running(world, 2)
    await world.store.apply([failed(one)])
    world.clock.advance(60_000)
    await world.store.apply([failed(two, boom(type="KeyError"))])
    await world.store.prune(Retention({JobStatus.COMPLETED: 0}), 10)
    assert len(await world.store.failures(since_ms=0)) == 2
    world.clock.advance(1_000)
    await world.store.prune(Retention({JobStatus.FAILED: 60}), 10)
    assert [group.type for group in await world.store.failures(since_ms=0)] == ["KeyError"]


@pytest.mark.parametrize("seed", range(3))
async def test_numbers_add_up(world: World, seed: int) -> None:
    chance = random.Random(seed)
    expected: Counter[str] = Counter()
    for _ in range(20):
        jobs = await running(world, chance.randrange(1, 8), binding=chance.choice("AB"))
        changes: list[Change] = []
        for job in jobs:
            error = boom(type=chance.choice(["X", "Y"]), origin=chance.choice(["m:f", "m:g", ""]))
            change = chance.choice(
                [failed(job, error), lifecycle.crash(job, error), lifecycle.complete(job, 1)]
            )
            if change.error is not None:
                expected[change.error.fingerprint] += 1
            changes.append(change)
        assert all(await world.store.apply(changes))
        world.clock.advance(10)
    groups = await world.store.failures(since_ms=0)
    assert {group.fingerprint: group.number for group in groups} == expected
