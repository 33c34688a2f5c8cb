"""What is decided while another transaction has begun to change what it is decided by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from tests.conformance.world import LEASE
from tests.postgres.shelves import Shelves, another, closed, opened

from kiribi import lifecycle
from kiribi.job import JobStatus
from kiribi.ports import BindingInfo, LogLine
from kiribi.stores._changes import statements
from kiribi.stores._postgres_statements import composed, prepared


@pytest.fixture
def world(postgres_url: str, runner: asyncio.Runner) -> Iterator[Shelves]:
    one = runner.run(opened(postgres_url))
    yield one
    runner.run(closed(one))


@asynccontextmanager
async def begun(
    world: Shelves, url: str, batch: list[tuple[str, Any]]
) -> AsyncGenerator[asyncpg.Connection]:
    """A transaction that has carried out a batch and has not committed."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for asked in composed(batch, repeated=False):
                one = prepared(asked.name, "kiribi")
                time = (world.clock.now,) if one.timed else ()
                await connection.fetch(one.text, *time, *asked.arguments)
            yield connection
    finally:
        await connection.close()


def claiming(*bindings: str) -> list[tuple[str, Any]]:
    """The claim of one job."""
    asked = ("w1", "", "token", False, "", [], [*bindings], [None] * len(bindings), 1, None)
    return [("claim", asked)]


@pytest.mark.parametrize("how", ["bury", "bury_lapsed", "dismiss"])
async def test_a_worker_is_dead_once_its_claim_is_over(
    world: Shelves, postgres_url: str, how: str
) -> None:
    """Else a rescue would look too early, and nobody would again."""
    await world.worker()
    (id,) = await world.put()
    async with begun(world, postgres_url, claiming("A")):
        world.clock.advance(LEASE)
        ends = {
            "bury": lambda: world.store.bury({"w1": "killed"}),
            "bury_lapsed": world.store.bury_lapsed,
            "dismiss": lambda: world.store.dismiss("w1"),
        }
        over = asyncio.ensure_future(ends[how]())
        await world.waits()
        assert not over.done()
    await over
    assert [job.id for job in await world.store.held_by("w1")] == [id]
    assert [worker.id for worker in await world.store.workers()] == ["w1"]


async def test_a_dead_worker_claims_nothing(world: Shelves, postgres_url: str) -> None:
    await world.worker()
    await world.put()
    async with begun(world, postgres_url, [("bury_workers", ('{"w1": "killed"}',))]):
        claim = asyncio.ensure_future(world.store.claim("w1", ["A"], 1))
        await world.waits()
    assert await claim == []


@pytest.mark.parametrize("ends", [True, False])
async def test_no_step_is_stored_for_an_attempt_that_is_over(
    world: Shelves, postgres_url: str, ends: bool
) -> None:
    (job,) = await world.running(1)
    change = lifecycle.complete(job, 1) if ends else lifecycle.release(job, "shutdown")
    await world.ended(1, binding="B")  # there is a shelf
    async with begun(world, postgres_url, statements([change])):
        stored = asyncio.ensure_future(world.store.store_step(job, "charge", "1"))
        await world.waits()
    assert await stored is False
    assert await world.store.step(job.id, "charge") is None


async def test_more_for_a_key_is_heard_by_a_claim_under_way(
    world: Shelves, postgres_url: str
) -> None:
    """It decides by what it knew; who changes the limits waits for it, and tells its lanes."""
    await world.worker()
    await world.put(3, options='{"concurrency_key":"k"}')
    async with begun(world, postgres_url, claiming("A")):
        limits = {"concurrency_per_key": 2}
        change = asyncio.ensure_future(world.store.register([BindingInfo("A", limits=limits)]))
        await world.waits()
    await change
    assert await world.store.next_due(["A"]) == 0
    assert len(await world.store.claim("w1", ["A"], 9)) == 1


async def test_lines_of_two_at_once_have_numbers_of_their_own(
    world: Shelves, postgres_url: str
) -> None:
    jobs = await world.running(2)
    line = f'[["{jobs[0].id}", 1, 1, "info", "first"]]'
    async with begun(world, postgres_url, [("append_log", (line,))]):
        both = [LogLine(job.id, 1, 2, "info", "second") for job in jobs]
        second = asyncio.ensure_future(world.store.log(both))
        await world.waits()
    await second
    said = [(seq, line.message) for seq, line in await world.store.logs(jobs[0].id)]
    assert said == [(1, "first"), (2, "second")]
    assert len(await world.store.logs(jobs[1].id)) == 1


async def test_lines_whose_answer_was_lost_are_there_once(world: Shelves) -> None:
    (job,) = await world.running(1)
    await world.store.log([LogLine(job.id, 1, 1, "info", text) for text in "ab"])
    lines = f'[["{job.id}", 1, 1, "info", "b"], ["{job.id}", 1, 1, "info", "c"]]'
    (asked,) = composed([("append_log", (lines,))], repeated=True)
    await world.sql.fetch(prepared(asked.name, "kiribi").text, *asked.arguments)
    assert [line.message for _, line in await world.store.logs(job.id)] == ["a", "b", "c"]


async def test_figures_gathered_by_many_at_once_are_counted_once(
    world: Shelves, postgres_url: str
) -> None:
    stores = [await another(postgres_url, world.clock) for _ in range(8)]
    for hour in range(30):
        await world.ended(1 + hour % 3, binding="AB"[hour % 2])
        world.clock.advance(3_600_000)
    before, stats = await world.store.pulse(), await world.store.stats(since_ms=0)
    assert await world.rows("tally") != [0]
    await asyncio.gather(*(store.roll_up() for store in stores for _ in range(3)))
    await world.store.roll_up()
    assert await world.rows("tally") == [0]
    assert await world.store.pulse() == before
    assert await world.store.stats(since_ms=0) == stats
    assert before.bindings[0].by_status[JobStatus.COMPLETED] == 30
    for store in stores:
        await store.close()
