"""Keys, predecessors, schedules and actions, decided while somebody else is just deciding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.postgres.shelves import Shelves, closed, opened
from tests.postgres.test_in_flight import begun, claiming

from kiribi import lifecycle
from kiribi._scheduled import ScheduleChange, ScheduleInfo
from kiribi.action import Action, Step
from kiribi.job import HELD_MS, OPEN, WAITING, JobStatus, new_id
from kiribi.ports import NewJob
from kiribi.schedule import Every, Schedule, definition
from kiribi.stores._batches import Batch
from kiribi.stores._changes import statements
from kiribi.stores._insertion import Insertion
from kiribi.stores._rows import dumps
from kiribi.stores._schedules import _expected, _put
from kiribi.stores._single import Single
from kiribi.unique import OnConflict, UniqueKey

OPEN_STATES = tuple(sorted(OPEN))
WAITING_STATES = tuple(sorted(WAITING))


@pytest.fixture
def world(postgres_url: str, runner: asyncio.Runner) -> Iterator[Shelves]:
    one = runner.run(opened(postgres_url))
    yield one
    runner.run(closed(one))


def unique(world: Shelves, on_conflict: OnConflict = "return") -> NewJob:
    return world.new(unique=UniqueKey("k", OPEN_STATES, None, on_conflict))


def alone(world: Shelves, job: NewJob) -> Batch:
    return Single(job, world.clock.now).statements


def with_others(world: Shelves, job: NewJob) -> Batch:
    return Insertion([job], world.clock.now, {"A", "B"}).statements


@pytest.mark.parametrize("first", [alone, with_others])
@pytest.mark.parametrize("known", [True, False])
async def test_a_key_that_somebody_takes_is_his(
    world: Shelves, postgres_url: str, first: Callable[[Shelves, NewJob], Batch], *, known: bool
) -> None:
    await world.put()
    if known:  # there is a row of the key, of a job that holds it no more
        (ended,) = await world.store.insert([unique(world)])
        await world.store.apply([lifecycle.cancel(ended)])
    mine = unique(world)
    async with begun(world, postgres_url, [*first(world, mine)]):
        later = asyncio.ensure_future(world.store.insert([unique(world)]))
        await world.waits()
    assert [(job.id, job.duplicate) for job in await later] == [(mine.id, True)]


@pytest.mark.parametrize("on_conflict", ["replace", "reschedule"])
async def test_a_holder_that_somebody_claims_is_left_alone(
    world: Shelves, postgres_url: str, on_conflict: OnConflict
) -> None:
    """Else what replaces it would go nowhere: it runs already."""
    await world.worker()
    rule = UniqueKey("k", WAITING_STATES, None, on_conflict)
    (first,) = await world.store.insert([world.new(payload="1", unique=rule)])
    async with begun(world, postgres_url, claiming("A")):
        later = asyncio.ensure_future(world.store.insert([world.new(payload="2", unique=rule)]))
        await world.waits()
    (job,) = await later
    assert (job.id == first.id, job.duplicate, job.payload) == (False, False, 2)


async def test_a_key_that_somebody_takes_back_is_his(world: Shelves, postgres_url: str) -> None:
    await world.put()
    (first,) = await world.store.insert([unique(world)])
    await world.store.apply([lifecycle.cancel(first)])
    (ended,) = await world.store.find([first.id])
    async with begun(world, postgres_url, statements([lifecycle.retry(ended)])):
        later = asyncio.ensure_future(world.store.insert([unique(world)]))
        await world.waits()
    assert [job.id for job in await later] == [first.id]


async def test_who_is_retried_finds_its_key_taken(world: Shelves, postgres_url: str) -> None:
    await world.put()
    (first,) = await world.store.insert([unique(world)])
    await world.store.apply([lifecycle.cancel(first)])
    (ended,) = await world.store.find([first.id])
    async with begun(world, postgres_url, [*alone(world, unique(world))]):
        later = asyncio.ensure_future(world.store.apply([lifecycle.retry(ended)]))
        await world.waits()
    assert await later == [False]


@pytest.mark.parametrize("before", [0, 1])
async def test_who_ends_sees_who_waits_for_it(
    world: Shelves, postgres_url: str, before: int
) -> None:
    """Else nobody would let go of it: who enqueues has seen that it must wait."""
    (job,) = await world.running(1)
    for _ in range(before):
        await world.store.insert([world.new("B", after=(job.id,))])
    waiting = world.new("B", after=(job.id,))
    async with begun(world, postgres_url, [*with_others(world, waiting)]):
        end = asyncio.ensure_future(world.store.apply([lifecycle.complete(job, None)]))
        await world.waits()
    assert await end == [True]
    (released,) = await world.store.find([waiting.id])
    assert released.due_ms < HELD_MS
    assert await world.store.repair() == 0


async def test_who_is_removed_tells_who_waits_for_it(world: Shelves, postgres_url: str) -> None:
    (first,) = await world.put()
    await world.store.apply([lifecycle.cancel(job) for job in await world.store.find([first])])
    waiting = world.new("B", after=(first,), after_failed="wait")
    async with begun(world, postgres_url, [*with_others(world, waiting)]):
        gone = asyncio.ensure_future(world.store.delete([first]))
        await world.waits()
    assert await gone == [first]
    (cancelled,) = await world.store.find([waiting.id])
    assert cancelled.status is JobStatus.CANCELLED
    assert await world.store.repair() == 0


@pytest.mark.parametrize("there", [True, False])
async def test_a_schedule_that_somebody_changes_is_not_as_it_was(
    world: Shelves, postgres_url: str, *, there: bool
) -> None:
    one = ScheduleInfo("s", definition("A", Schedule(Every(60)), "1"), world.clock.now)
    was = one if there else None
    if there:
        await world.store.change_schedules([ScheduleChange(None, one)])
    change = ScheduleChange(was, replace(one, definition=definition("A", Schedule(Every(9)), "2")))
    assert change.becomes is not None
    batch = [
        ("refuse_schedules", (dumps([_expected(change)]),)),
        ("put_schedules", (dumps([_put(change.becomes)]),)),
    ]
    async with begun(world, postgres_url, [*batch]):
        later = asyncio.ensure_future(
            world.store.change_schedules([ScheduleChange(was, one, [world.new()])])
        )
        await world.waits()
    assert await later is None
    (now,) = await world.store.schedules()
    assert now.definition == change.becomes.definition


async def test_a_step_that_somebody_does_is_not_done_again(
    world: Shelves, postgres_url: str
) -> None:
    action = await world.store.begin_action(Action(new_id(), "cancel", {}, "ann"), 0)
    batch = [("refuse_step", (action.id, 0)), ("take_action", (action.id, 0, 0))]
    async with begun(world, postgres_url, [*batch]):
        later = asyncio.ensure_future(world.store.advance(action, Step(before=None, matched=9), 0))
        await world.waits()
    assert await later is None
