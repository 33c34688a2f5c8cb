"""Deleting, pruning, statistics and their merging."""

from __future__ import annotations

import math
import random

import pytest
from tests.conformance.world import START, World

from kiribi import lifecycle
from kiribi.distribution import ERROR, Distribution, bucket
from kiribi.job import Job, JobError, JobStatus
from kiribi.ports import Retention, WorkerInfo
from kiribi.search import BindingStats, JobFilter

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WEEK = 7 * DAY
BOOM = JobError("ValueError", "boom")


async def ended(world: World, number: int, status: JobStatus, **fields: str) -> list[str]:
    """So many jobs that ended so, just now."""
    ids = await world.put(number, **fields)
    await world.worker()
    jobs = await world.store.claim("w1", [fields.get("binding", "A")], number, ids=ids)
    settle = {
        JobStatus.COMPLETED: lambda job: lifecycle.complete(job, 1),
        JobStatus.FAILED: lambda job: lifecycle.fail(job, BOOM, max_attempts=1, delay=0),
        JobStatus.CANCELLED: lambda job: lifecycle.cancelled(job, "stop"),
    }[status]
    assert all(await world.store.apply([settle(job) for job in jobs]))
    return ids


async def test_delete_takes_all_but_what_runs(world: World) -> None:
    (done,) = await ended(world, 1, JobStatus.COMPLETED, payload='"' + "x" * 2_000 + '"')
    (failed,) = await ended(world, 1, JobStatus.FAILED)
    (running,) = await world.put()
    await world.store.claim("w1", ["A"], 1)
    (waiting,) = await world.put(delay_ms=5)
    unknown = "01900000-0000-7000-8000-000000000000"
    gone = await world.store.delete([done, running, failed, unknown, waiting, done])
    assert sorted(gone) == sorted([done, failed, waiting])
    assert [job.id for job in (await world.store.search(JobFilter())).jobs] == [running]
    (counts,) = (await world.store.pulse()).bindings
    assert {s: n for s, n in counts.by_status.items() if n} == {JobStatus.PROCESSING: 1}
    assert await world.store.delete([]) == []


async def test_delete_spares_what_is_no_longer_of_the_statuses(world: World) -> None:
    (again, gone) = await ended(world, 2, JobStatus.COMPLETED)
    (job,) = await world.store.find([again])
    await world.store.apply([lifecycle.retry(job)])
    ids = [again, gone]
    assert await world.store.delete(ids, [JobStatus.COMPLETED]) == [gone]
    assert await world.store.delete(ids, [JobStatus.PROCESSING]) == []
    assert [job.id for job in await world.store.find(ids)] == [again]
    (counts,) = (await world.store.pulse()).bindings
    assert {s: n for s, n in counts.by_status.items() if n} == {JobStatus.PENDING: 1}


async def test_prune_removes_the_outlived_by_status(world: World) -> None:
    completed = await ended(world, 3, JobStatus.COMPLETED)
    failed = await ended(world, 2, JobStatus.FAILED)
    cancelled = await ended(world, 2, JobStatus.CANCELLED)
    waiting = await world.put(delay_ms=10**11)
    keep = Retention({JobStatus.COMPLETED: 60, JobStatus.FAILED: 7200, JobStatus.CANCELLED: 3600})
    world.clock.advance(60_000)
    assert await world.store.prune(keep, 100) == 0
    world.clock.advance(1)
    assert await world.store.prune(keep, 100) == 3
    assert await world.store.find(completed) == []
    world.clock.advance(3_600_000)
    removed = [await world.store.prune(keep, 100) for _ in range(3)]
    assert sum(removed) == 2
    assert await world.store.find(cancelled) == []
    assert len(await world.store.find([*failed, *waiting])) == 3
    world.clock.advance(10**10)
    assert sum([await world.store.prune(keep, 100) for _ in range(3)]) == 2
    assert await world.store.find(failed) == []
    assert len(await world.store.find(waiting)) == 1


async def test_prune_reads_at_most_so_many_and_comes_round(world: World) -> None:
    kept = await ended(world, 25, JobStatus.FAILED)
    outlived = await ended(world, 12, JobStatus.COMPLETED)
    keep = Retention({JobStatus.COMPLETED: 1, JobStatus.FAILED: 10**6})
    world.clock.advance(5_000)
    removed = [await world.store.prune(keep, 10) for _ in range(4)]
    assert removed == [0, 0, 5, 7]
    later = await ended(world, 3, JobStatus.COMPLETED)
    world.clock.advance(5_000)
    assert sum([await world.store.prune(keep, 10) for _ in range(5)]) == 3
    assert await world.store.find([*outlived, *later]) == []
    assert len(await world.store.find(kept)) == 25


async def test_prune_without_retention_or_age_changes_nothing(world: World) -> None:
    await ended(world, 3, JobStatus.COMPLETED)
    before = await world.store.pulse()
    assert await world.store.prune(Retention({}), 10) == 0
    assert await world.store.prune(Retention({JobStatus.COMPLETED: 60}), 10) == 0
    assert await world.store.pulse() == before


async def test_a_job_finished_late_is_kept_from_its_end(world: World) -> None:
    (id,) = await world.put()
    world.clock.advance(10**7)
    await world.worker()
    (job,) = await world.store.claim("w1", ["A"], 1)
    await world.store.apply([lifecycle.complete(job, None)])
    keep = Retention({JobStatus.COMPLETED: 60})
    world.clock.advance(60_000)
    assert [await world.store.prune(keep, 10) for _ in range(2)] == [0, 0]
    world.clock.advance(1)
    assert sum([await world.store.prune(keep, 10) for _ in range(2)]) == 1
    assert await world.store.find([id]) == []


async def test_statistics_of_a_few_jobs(world: World) -> None:
    world.clock.now = START - START % DAY
    since = world.clock.now
    await world.worker()
    await world.put(3)
    world.clock.advance(100)
    one, two, three = await world.store.claim("w1", ["A"], 3)
    world.clock.advance(50)
    await world.store.apply([lifecycle.complete(one, 1)])
    await world.store.apply([lifecycle.fail(two, BOOM, max_attempts=2, delay=0)])
    world.clock.advance(40)
    (again,) = await world.store.claim("w1", ["A"], 1)
    await world.store.apply([lifecycle.fail(again, BOOM, max_attempts=2, delay=0)])
    await world.store.apply([lifecycle.crash(three, BOOM)])
    await world.put(binding="B")
    a, b = await world.store.stats(since_ms=since)
    assert a == BindingStats(
        "A",
        since,
        0.19,
        enqueued=3,
        completed=1,
        failed=2,
        retried=1,
        crashed=1,
        wait_ms=(3 * 100 + 40) / 4,
        run_ms=(50 + 50 + 0) / 3,
        wait=Distribution({bucket(100): 3, bucket(40): 1}),
        run=Distribution({bucket(50): 2, bucket(0): 1}),
    )
    assert a.failure_rate == 0.75
    assert a.throughput == 1 / 0.19
    assert b == BindingStats("B", since, 0.19, enqueued=1)
    assert await world.store.stats(since_ms=since, bindings=["B"]) == [b]
    assert await world.store.stats(since_ms=since + MINUTE) == []


@pytest.mark.parametrize("seed", range(5))
async def test_percentiles_are_within_the_error_stated(world: World, seed: int) -> None:
    """Of exact ones, over many batches and all kinds of ends, before and after rolling up."""
    chance = random.Random(seed)
    world.clock.now = START - START % DAY
    since = world.clock.now
    await world.store.enlist(WorkerInfo("w1", bindings=("A", "B")), 10**12)
    waits: dict[str, list[int]] = {"A": [], "B": []}
    runs: dict[str, list[int]] = {"A": [], "B": []}
    running: list[Job] = []
    for _ in range(60):
        await world.put(chance.randrange(6), binding=chance.choice("AB"))
        world.clock.advance(round(chance.lognormvariate(5, 4)))
        for job in await world.store.claim("w1", ["A", "B"], chance.randrange(9)):
            waits[job.binding].append(world.clock.now - job.due_ms)
            running.append(job)
        world.clock.advance(round(chance.lognormvariate(3, 4)))
        chance.shuffle(running)
        over, running = running[:5], running[5:]
        ends = (
            lambda job: lifecycle.complete(job, 1),
            lambda job: lifecycle.fail(job, BOOM, max_attempts=9, delay=1),
            lambda job: lifecycle.fail(job, BOOM, max_attempts=1, delay=1),
            lambda job: lifecycle.cancelled(job, "enough"),
            lambda job: lifecycle.snooze(job, 1, "later"),
        )
        assert all(await world.store.apply([chance.choice(ends)(job) for job in over]))
        for job in over:
            assert job.started_ms is not None
            runs[job.binding].append(world.clock.now - job.started_ms)
    for _ in range(2):
        for stats in await world.store.stats(since_ms=since):
            for exact, told in ((waits, stats.wait), (runs, stats.run)):
                durations = sorted(exact[stats.binding])
                assert told.number == len(durations)
                for percent in (1, 50, 95, 99, 100):
                    true = durations[max(0, math.ceil(len(durations) * percent / 100) - 1)]
                    assert told.percentile(percent) == pytest.approx(true, rel=ERROR)
        world.clock.advance(20 * DAY)
        await world.store.roll_up()


async def test_a_month_costs_few_rows_to_read(world: World) -> None:
    world.clock.now = START - START % DAY
    since = world.clock.now
    for _ in range(30 * 24):
        await ended(world, 1, JobStatus.COMPLETED)
        world.clock.advance(HOUR)
        await world.store.roll_up()
    kept = sum(
        [len(await world.store.stats(since_ms=since, bucket_ms=span)) for span in (DAY, HOUR)]
    )
    assert kept <= 30 + (22 + 8 * 24 + 1)
    (month,) = await world.store.stats(since_ms=since)
    assert (month.completed, month.seconds) == (30 * 24, 30 * 86_400)
    for hours in (1, 24, 7 * 24, 30 * 24):
        (part,) = await world.store.stats(since_ms=world.clock.now - hours * HOUR)
        assert (part.completed, part.seconds) == (hours, hours * 3600)
        assert part.throughput == pytest.approx(1 / 3600)


async def test_statistics_begin_where_what_is_kept_begins(world: World) -> None:
    world.clock.now = START - START % DAY + 12 * HOUR
    asked = {"minute": 90_000, "hour": 5 * HOUR + 90_000, "day": 9 * DAY + HOUR}
    for ago in sorted(asked.values(), reverse=True):
        world.clock.now = START - START % DAY + 12 * HOUR + 10 * DAY - ago
        await ended(world, 1, JobStatus.COMPLETED)
    world.clock.now = START - START % DAY + 12 * HOUR + 10 * DAY
    await world.store.roll_up()
    spans = {"minute": MINUTE, "hour": HOUR, "day": DAY}
    for kept, ago in asked.items():
        since = world.clock.now - ago
        (stats,) = await world.store.stats(since_ms=since)
        assert stats.from_ms == since - since % spans[kept]
        assert stats.seconds == (world.clock.now - stats.from_ms) / 1000


@pytest.mark.parametrize("bucket", [MINUTE, HOUR, DAY])
async def test_statistics_in_buckets(world: World, bucket: int) -> None:
    world.clock.now = START - START % DAY
    since = world.clock.now
    for _ in range(4):
        await world.put()
        world.clock.advance(bucket // 2)
    found = await world.store.stats(since_ms=since, bucket_ms=bucket)
    assert [(stats.from_ms - since, stats.enqueued) for stats in found] == [(0, 2), (bucket, 2)]


async def test_rolling_up_keeps_sums_and_counters(world: World) -> None:
    world.clock.now = START - START % DAY
    since = world.clock.now
    for hour in range(24 * 12):
        await ended(world, 1 + hour % 3, JobStatus.COMPLETED, binding="AB"[hour % 2])
        world.clock.advance(HOUR)
        if hour % 40 == 0:
            await world.store.roll_up()
    before = await world.store.pulse()
    whole = await world.store.stats(since_ms=since)
    days = await world.store.stats(since_ms=since, bucket_ms=DAY)
    for _ in range(2):
        await world.store.roll_up()
        assert await world.store.pulse() == before
        assert await world.store.stats(since_ms=since) == whole
        assert await world.store.stats(since_ms=since, bucket_ms=DAY) == days
    assert len(days) == 12 * 2
    recent = await world.store.stats(since_ms=world.clock.now - DAY, bucket_ms=HOUR)
    assert len(recent) == 24
    assert (before.bindings[0].by_status[JobStatus.COMPLETED], len(whole)) == (288, 2)


async def test_a_rolled_up_job_can_still_go(world: World) -> None:
    ids = await ended(world, 4, JobStatus.FAILED)
    world.clock.advance(WEEK)
    await world.store.roll_up()
    await world.store.delete(ids)
    (counts,) = (await world.store.pulse()).bindings
    assert not any(counts.by_status.values())
