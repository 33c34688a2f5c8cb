"""Claims that begin where the last one stopped, while they are slow: they leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.postgres.shelves import DAY, Shelves, closed, opened

from kiribi import lifecycle
from kiribi._carrier import LEASE_MS, carry_out
from kiribi.action import Action
from kiribi.job import Job, new_id
from kiribi.stores import _floors
from kiribi.stores._batches import Batch
from kiribi.stores._rows import Row
from kiribi.stores.postgres import PostgresStore


async def claim(world: Shelves, number: int = 1) -> list[Job]:
    await world.worker()
    held = [job.id for job in await world.store.held_by("w1")]
    return await world.store.claim("w1", ["A"], number, held=held)


@pytest.fixture
def world(
    postgres_url: str, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shelves]:
    """All its claims are slow, and none begins at the bottom by itself."""
    monkeypatch.setattr(_floors, "SLOW_US", -1_000_000_000)
    monkeypatch.setattr(_floors, "SWEEP_SECONDS", 3_600.0)

    async def slow() -> Shelves:
        one = await opened(postgres_url)
        for _ in range(_floors.IN_A_ROW):
            await one.put()
            assert len(await claim(one)) == 1
            one.clock.advance(10_000)
        return one

    one = runner.run(slow())
    yield one
    runner.run(closed(one))


async def test_a_claim_of_a_chosen_job_leaves_better_ones_to_the_next(world: Shelves) -> None:
    (better,) = await world.put()
    world.clock.advance(10_000)
    (chosen,) = await world.put()
    await world.worker()
    assert len(await world.store.claim("w1", ["A"], 1, ids=[chosen])) == 1
    assert await world.store.next_due(["A"]) == 0
    assert [job.id for job in await claim(world)] == [better]


async def test_what_comes_in_below_is_found(world: Shelves) -> None:
    for new in (world.new(priority=9), world.new(at_ms=world.clock.now - 60_000)):
        below = (await world.store.insert([new]))[0].id
        assert await world.store.next_due(["A"]) == 0
        assert [job.id for job in await claim(world)] == [below]
    (running,) = await world.store.find([below])
    world.clock.advance(10_000)
    await world.put()
    assert len(await claim(world)) == 1
    await world.store.apply([lifecycle.release(running, "handed back")])
    assert [job.id for job in await claim(world)] == [running.id]


async def test_what_follows_from_an_end_is_found_below(world: Shelves) -> None:
    """Not only what somebody asks for: it is brought in by the store itself."""
    (first,) = await world.put()
    (after,) = await world.put(after=(first,), priority=9)
    (running,) = await claim(world)
    assert running.id == first
    world.clock.advance(10_000)
    await world.put()
    assert len(await claim(world)) == 1
    await world.store.apply([lifecycle.complete(running, None)])
    assert await world.store.next_due(["A"]) == 0
    assert [job.id for job in await claim(world)] == [after]


async def test_what_a_bulk_action_brings_in_below_is_found(world: Shelves) -> None:
    (later,) = await world.put(priority=9, delay_ms=DAY)
    await world.put()
    assert len(await claim(world)) == 1
    world.clock.advance(10_000)
    action = Action(new_id(world.clock.now), "run_now", {"ids": [later]}, "ann")
    begun = await world.store.begin_action(action, LEASE_MS)
    assert [one.done async for one in carry_out(world.store, begun)] == [[later]]
    assert await world.store.next_due(["A"]) == 0
    assert [job.id for job in await claim(world)] == [later]


async def test_what_comes_in_while_a_claim_looks_is_found(
    world: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that began at the bottom, the next one would begin above."""
    await world.put(priority=1)
    write = PostgresStore._write
    below: list[str] = []

    async def late(store: PostgresStore, batch: Batch, **how: bool) -> list[list[Row]]:
        rows = await write(store, batch, **how)
        if batch[-1][0] == "claim" and not below:
            below.extend(await world.put(priority=9))
        return rows

    monkeypatch.setattr(PostgresStore, "_write", late)
    assert len(await claim(world)) == 1
    assert await world.store.next_due(["A"]) == 0
    assert [job.id for job in await claim(world)] == below


async def test_below_the_floor_nothing_is_read(world: Shelves) -> None:
    """Else this would test nothing."""
    (above,) = await world.put()
    await claim(world)
    (job,) = await world.store.find([above])
    await world.sql.execute(
        "UPDATE kiribi.job SET status = 'PENDING', rank = rank - 60000 WHERE id = $1",
        job.id,
    )
    assert await claim(world) == []


async def test_a_claim_that_began_at_the_bottom_goes_on_from_where_it_came(
    world: Shelves,
) -> None:
    """Not from where claims were before much came in below."""
    urgent = await world.put(30, priority=9)
    taken: list[str] = []
    for _ in range(10):
        jobs = await claim(world, 3)
        assert len(jobs) == 3
        taken += [job.id for job in jobs]
    assert sorted(taken) == sorted(urgent)


async def test_what_others_left_no_room_for_is_not_passed_by(world: Shelves) -> None:
    await world.worker()
    (below,) = await world.store.claim("w1", ["A"], 1, ids=await world.put())
    world.clock.advance(10_000)
    await world.put()
    await claim(world)
    await world.put(2, "B", priority=9)
    await world.store.apply([lifecycle.release(below, "handed back")])
    order = [(await world.store.claim("w1", ["A", "B"], 1))[0].binding for _ in range(3)]
    assert order == ["B", "B", "A"]


async def test_what_limits_held_back_is_due_once_they_allow_it(world: Shelves) -> None:
    await world.worker()
    store = world.store
    below, running = await store.claim("w1", ["A"], 2, ids=await world.put(2))
    world.clock.advance(10_000)
    await world.put()
    (done,) = await claim(world)
    assert all(await store.apply([lifecycle.complete(done, 1), lifecycle.release(below, "")]))
    await store.limit("A", {"concurrency": 1})
    await world.put(1, "B")
    jobs = await store.claim("w1", ["A", "B"], 9, held=[running.id])
    assert [job.binding for job in jobs] == ["B"]
    assert await store.next_due(["A"]) is None
    await store.apply([lifecycle.complete(running, 1)])
    assert await store.next_due(["A"]) == 0
    assert [job.id for job in await claim(world)] == [below.id]
