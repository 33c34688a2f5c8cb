"""Where jobs stand: the open ones on one small table, the past on shelves that go by the day."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from tests.conformance.world import START, World
from tests.postgres.shelves import DAY, TODAY, Shelves, another, closed, opened, until

from kiribi import lifecycle
from kiribi.job import JobError, JobStatus, new_id
from kiribi.ports import LogLine, NewJob, Retention, Store
from kiribi.search import JobFilter
from kiribi.stores._postgres_statements import prepared
from kiribi.unique import UniqueKey

BOOM = JobError("ValueError", "boom")
ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
A_WEEK = Retention(dict.fromkeys(ENDED, 7 * 86_400))
BELONGS = ("payload", "log", "step", "dependency", "holder")


@pytest.fixture
def world(postgres_url: str, runner: asyncio.Runner) -> Iterator[Shelves]:
    one = runner.run(opened(postgres_url))
    yield one
    runner.run(closed(one))


async def changed(world: Shelves, what: str, *arguments: Any) -> tuple[int, int]:
    """How many rows of the open jobs a statement changes, and of how many no index hears."""
    async with world.sql.transaction():
        await world.sql.fetch(prepared(what, "kiribi").text, *arguments)
        (row,) = await world.sql.fetch(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relid = 'kiribi.job_open'::regclass"
        )
        return tuple(row)


async def test_no_index_hears_of_a_claim(world: Shelves) -> None:
    await world.store.limit("A", {"concurrency_per_key": 500})
    for options in (None, '{"concurrency_key":"k"}'):
        await world.store.insert([world.new(options=options) for _ in range(1_000)])
    await world.worker()
    asked = (world.clock.now, "w1", "", "token", False, "", [], ["A"], [None], 1_400, None)
    number, unheard = await changed(world, "claim", *asked)
    # where a page is full, the new version of a row goes elsewhere
    assert (number, unheard > 0.95 * number) == (1_400, True), unheard


async def test_nor_of_progress(world: Shelves) -> None:
    jobs = await world.running(100)
    said = str([[job.id, 1, [0.5, "half"]] for job in jobs]).replace("'", '"')
    number, unheard = await changed(world, "report_progress", world.clock.now, said)
    assert (number, unheard > 85) == (100, True), unheard


async def test_jobs_stand_on_the_shelf_of_their_day_and_come_back(world: Shelves) -> None:
    one, two, three, four = await world.running(4)
    assert await world.standing() == {0: 4}
    await world.store.apply([lifecycle.complete(one, 1), lifecycle.cancelled(two, "")])
    world.clock.advance(DAY)
    failed = lifecycle.fail(three, BOOM, max_attempts=1, delay=0)
    await world.store.apply([failed, lifecycle.snooze(four, 5, "later")])
    assert await world.standing() == {0: 1, TODAY: 1, TODAY + 1: 1, TODAY + 3: 1}
    past = await world.store.find([one.id, two.id, three.id])
    assert {job.status for job in past} == set(ENDED)
    assert all(await world.store.apply([lifecycle.retry(job) for job in past]))
    assert await world.standing() == {0: 4}


async def test_a_day_goes_at_once_with_all_that_belongs_to_it(world: Shelves) -> None:
    long = '"' + "x" * 2_000 + '"'
    unique = UniqueKey("k", (JobStatus.COMPLETED,))
    await world.ended(300)
    jobs = await world.running(2, payload=long) + await world.running(1, unique=unique)
    follower = await world.running(1, after=(jobs[0].id,)) or []
    for job in jobs:
        await world.store.log([LogLine(job.id, 1, 1, "info", "said")])
        await world.store.store_step(job, "step", "1")
    await world.store.apply([lifecycle.complete(job, 1) for job in (*jobs, *follower)])
    last = await world.store.claim("w1", ["A"], 1)
    await world.store.apply([lifecycle.complete(job, 1) for job in last])
    kept = (await world.running(1))[0]
    await world.store.apply([lifecycle.fail(kept, BOOM, max_attempts=1, delay=0)])
    before = await world.store.stats(since_ms=0)
    assert await world.standing() == {TODAY: 304, TODAY + 1: 1}
    assert 0 not in await world.rows(*BELONGS)

    world.clock.advance(8 * DAY - START % DAY - 1)
    long_for_failed = Retention({**A_WEEK.seconds, JobStatus.FAILED: 30 * 86_400})
    assert TODAY in await world.there()
    assert await world.store.prune(Retention({JobStatus.COMPLETED: 9 * 86_400}), 1) == 0
    assert await world.store.prune(long_for_failed, 1) <= 1, "not all of it is outlived"
    world.clock.advance(1)
    gone = await world.store.prune(long_for_failed, 1)
    assert gone >= 303
    assert await world.standing() == {TODAY + 1: 1}
    assert TODAY not in await world.there()
    assert await world.rows(*BELONGS) == [0] * 5
    counts = {one.binding: one.by_status for one in (await world.store.pulse()).bindings}
    assert {s: n for s, n in counts["A"].items() if n} == {JobStatus.FAILED: 1}
    assert [one.completed for one in await world.store.stats(since_ms=0)] == [
        one.completed for one in before
    ]


async def test_of_a_day_partly_outlived_jobs_go_one_by_one(world: Shelves) -> None:
    early = await world.ended(10)
    world.clock.advance(1_000)
    late = await world.ended(10)
    keep = Retention({JobStatus.COMPLETED: 60})
    world.clock.advance(59_500)
    removed = [await world.store.prune(keep, 4) for _ in range(4)]
    assert max(removed) <= 4
    assert sum(removed) == 10
    assert await world.store.find(early) == []
    assert len(await world.store.find(late)) == 10
    assert TODAY in await world.there()


async def test_whoever_waited_for_jobs_of_a_day_that_went_hears_of_it(world: Shelves) -> None:
    (first,) = await world.running(1)
    (held,) = await world.store.insert([world.new(after=(first.id,), after_failed="wait")])
    await world.store.apply([lifecycle.fail(first, BOOM, max_attempts=1, delay=0)])
    assert [job.status for job in await world.store.find([held.id])] == [JobStatus.PENDING]
    world.clock.advance(9 * DAY)
    assert await world.store.prune(A_WEEK, 1) == 1
    (job,) = await world.store.find([held.id])
    assert job.status is JobStatus.CANCELLED
    assert job.error is not None
    assert first.id in job.error.message


async def test_a_day_waits_while_somebody_looks_at_it(world: Shelves, postgres_url: str) -> None:
    await world.ended(5)
    world.clock.advance(9 * DAY)
    reader = await asyncpg.connect(postgres_url)
    async with reader.transaction():
        await reader.fetch("SELECT count(*) FROM kiribi.job")
        empty = prepared("empty_shelf", "kiribi").text
        assert await world.sql.fetch(empty, world.clock.now, TODAY) == []
        assert await world.sql.fetchval(prepared("drop_shelf", "kiribi").text, TODAY) is False
        # for long: then nobody else is made to wait
        await until(lambda: world.sql.fetchval("SELECT kiribi.looked_at('kiribi.job')"))
        assert await world.sql.fetch(empty, world.clock.now, TODAY) == []
        assert await world.store.prune(A_WEEK, 2) == 2, "one by one they go meanwhile"
        assert len((await world.store.search(JobFilter())).jobs) == 3
    await reader.close()
    assert await world.store.prune(A_WEEK, 2) == 3
    assert TODAY not in await world.there()


async def test_a_shelf_in_use_again_is_not_taken_away(world: Shelves) -> None:
    await world.ended(1)
    assert await world.sql.fetchval(prepared("drop_shelf", "kiribi").text, TODAY) is False
    assert await world.standing() == {TODAY: 1}


async def test_days_of_which_nothing_is_left_leave_no_shelves(world: Shelves) -> None:
    """Of most days nothing went wrong, and some of it may be kept for ever."""
    forever = Retention({JobStatus.COMPLETED: 30 * 86_400})
    await world.ended(2)
    for _ in range(3):
        await world.store.prune(forever, 1)
        world.clock.advance(DAY)
    assert await world.store.prune(forever, 1) == 0
    assert await world.standing() == {TODAY: 2}
    assert {number for number in await world.there() if number < TODAY + 4} == {TODAY}


async def test_shelves_are_made_before_they_are_needed(world: Shelves) -> None:
    world.clock.advance(100 * DAY)
    await world.store.prune(A_WEEK, 1)
    ahead = {TODAY + 200 + number for number in range(4)}
    assert ahead <= await world.there()
    await world.sql.execute(f"DROP TABLE kiribi.job_ended_{TODAY + 200}")
    await world.ended(1)
    assert await world.standing() == {TODAY + 200: 1}, "and where one is missing, it is made"


async def test_who_looks_for_what_went_wrong_reads_nothing_else(world: Shelves) -> None:
    await world.store.prune(A_WEEK, 1)
    one = prepared("match_ended", "kiribi")
    asked = ("g", "", 50, 50, 1, None, None, None, None, None, None, '[["FAILED", "A"]]')
    plan = await world.sql.fetch(f"EXPLAIN {one.text}", *asked)
    text = "\n".join(line for (line,) in plan)
    assert f"job_ended_{TODAY + 1}" in text
    assert f"job_ended_{TODAY} " not in text
    assert "job_open" not in text


async def test_a_chosen_id_is_on_one_shelf_only(world: Shelves, postgres_url: str) -> None:
    """Sixteen store it again and again while its job runs, ends, is retried and deleted."""
    new = [NewJob(new_id(START), "A", "1", chosen_id=True) for _ in range(8)]
    ids = [job.id for job in new]
    over = asyncio.Event()

    async def again(store: Store) -> int:
        stored = 0
        while not over.is_set():
            for job in new:
                stored += not (await store.insert([job]))[0].duplicate
        return stored

    async def come_and_go() -> int:
        deleted = 0
        for number in range(150):
            running = await world.store.claim("w1", ["A"], 100)
            await world.store.apply([lifecycle.complete(job, 1) for job in running])
            past = [job for job in await world.store.find(ids) if job.status in ENDED]
            if number % 3 == 0:
                deleted += len(await world.store.delete([job.id for job in past]))
            else:
                await world.store.apply([lifecycle.retry(job) for job in past])
        over.set()
        return deleted

    await world.worker()
    async with AsyncExitStack() as stack:
        stores = [await another(postgres_url, world.clock) for _ in range(16)]
        for store in stores:
            stack.push_async_callback(store.close)
        deleted, *stored = await asyncio.gather(come_and_go(), *map(again, stores))
    rows = await world.sql.fetch("SELECT id, count(*) FROM kiribi.job GROUP BY id")
    assert {number for _, number in rows} <= {1}
    assert deleted > 0
    assert sum(stored) == deleted + len(rows)


async def test_another_schema_has_a_past_of_its_own(world: Shelves, postgres_url: str) -> None:
    await world.ended(2)
    await world.sql.execute('DROP SCHEMA IF EXISTS "select" CASCADE')
    other = World(await another(f"{postgres_url}?schema=select", world.clock), world.clock)
    await other.worker()
    await other.put(3)
    running = await other.store.claim("w1", ["A"], 3)
    await other.store.apply([lifecycle.complete(job, 1) for job in running])
    world.clock.advance(9 * DAY)
    async with world.sql.transaction():
        await world.sql.execute("SELECT pg_advisory_xact_lock(hashtextextended('kiribi.prune', 0))")
        assert await other.store.prune(A_WEEK, 1) == 3
        await other.store.roll_up()
    assert await world.standing() == {TODAY: 2}
    assert (await other.store.search(JobFilter())).jobs == ()
    await other.store.close()
    await world.sql.execute('DROP SCHEMA "select" CASCADE')
