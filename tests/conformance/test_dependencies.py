"""Jobs that run after others: held until these have ended, made due or cancelled once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.conformance.conftest import Share
from tests.conformance.world import START, World

from kiribi import lifecycle
from kiribi.errors import InvalidInput
from kiribi.job import HELD_MS, Job, JobError, JobStatus, new_id
from kiribi.ports import Retention
from kiribi.search import JobFilter

BOOM = JobError("ValueError", "boom")
RACERS = 8


async def after(world: World, ids: Sequence[str], failed: str = "cancel", **fields: object) -> str:
    """A job that runs after others; its id."""
    (id,) = await world.put(after=tuple(ids), after_failed=failed, binding="B", **fields)
    return id


async def run(world: World, id: str, *, fails: bool = False) -> None:
    """Claim a job and settle it."""
    (job,) = await world.store.claim(await world.worker(), ["A", "B"], 1, ids=[id])
    change = lifecycle.fail(job, BOOM, max_attempts=1, delay=0)
    assert await world.store.apply([change if fails else lifecycle.complete(job, None)]) == [True]


async def the(world: World, id: str) -> Job:
    return (await world.store.find([id]))[0]


async def act(world: World, transition: str, *ids: str) -> None:
    jobs = await world.store.find(ids)
    changes = [getattr(lifecycle, transition)(job) for job in jobs]
    assert all(await world.store.apply(changes))


def held(job: Job) -> bool:
    return job.status is JobStatus.PENDING and job.due_ms == HELD_MS


async def test_it_is_due_when_the_last_predecessor_has_completed(world: World) -> None:
    first, second = await world.put(2)
    id = await after(world, [first, second])
    worker = await world.worker()
    assert held(await the(world, id))
    assert await world.store.claim(worker, ["B"], 9) == []
    assert await world.store.next_due(["B"]) is None
    await run(world, first)
    assert held(await the(world, id))
    world.clock.advance(500)
    await run(world, second)
    job = await the(world, id)
    assert (job.status, job.due_ms) == (JobStatus.PENDING, START + 500)
    assert [job.id for job in await world.store.claim(worker, ["B"], 9)] == [id]


async def test_a_delay_counts_from_the_end_and_a_time_is_kept(world: World) -> None:
    (first,) = await world.put()
    delayed = await after(world, [first], options='{"first_delay": 2.5}', delay_ms=2_500)
    timed = await after(world, [first], options=f'{{"at": {START + 9_000}}}', at_ms=START + 9_000)
    passed = await after(world, [first], options=f'{{"at": {START + 10}}}', at_ms=START + 10)
    world.clock.advance(1_000)
    await run(world, first)
    due = [(await the(world, id)).due_ms - START for id in (delayed, timed, passed)]
    assert due == [3_500, 9_000, 1_000]


@pytest.mark.parametrize(
    ("failed", "status", "waits"),
    [
        ("cancel", JobStatus.CANCELLED, False),
        ("run", JobStatus.PENDING, False),
        ("wait", JobStatus.PENDING, True),
    ],
)
@pytest.mark.parametrize("how", ["fails", "is cancelled", "had failed before"])
async def test_what_happens_when_one_does_not_complete_is_chosen(
    world: World, failed: str, status: JobStatus, how: str, *, waits: bool
) -> None:
    (first,) = await world.put()
    if how == "had failed before":
        await run(world, first, fails=True)
    id = await after(world, [first], failed)
    if how == "fails":
        await run(world, first, fails=True)
    elif how == "is cancelled":
        await act(world, "cancel", first)
    job = await the(world, id)
    assert (job.status, held(job)) == (status, waits)
    if status is JobStatus.CANCELLED:
        assert job.error is not None
        assert first in job.error.message


async def test_one_failure_is_enough_to_cancel_before_the_others_end(world: World) -> None:
    first, second = await world.put(2)
    id = await after(world, [first, second])
    await run(world, first, fails=True)
    assert (await the(world, id)).status is JobStatus.CANCELLED
    await run(world, second)
    assert (await the(world, id)).status is JobStatus.CANCELLED


async def test_a_failure_with_attempts_left_is_no_end(world: World) -> None:
    (first,) = await world.put()
    id = await after(world, [first])
    (job,) = await world.store.claim(await world.worker(), ["A"], 1)
    await world.store.apply([lifecycle.fail(job, BOOM, max_attempts=2, delay=0)])
    assert held(await the(world, id))
    await run(world, first)
    assert not held(await the(world, id))


async def test_predecessors_that_have_completed_hold_nothing(world: World) -> None:
    (first,) = await world.put()
    await run(world, first)
    (answered,) = await world.store.insert([world.new(after=(first,))])
    assert answered == await the(world, answered.id)
    assert not held(answered)


async def test_a_missing_predecessor_is_refused_and_nothing_is_stored(world: World) -> None:
    (first,) = await world.put()
    missing = new_id()
    jobs = [world.new(), world.new(after=(first, missing))]
    with pytest.raises(InvalidInput, match=f"after: '{missing}' is not allowed"):
        await world.store.insert(jobs)
    assert (await world.store.count(JobFilter())).value == 1
    assert await world.store.find([job.id for job in jobs]) == []


async def test_a_job_of_the_same_call_can_be_waited_for(world: World) -> None:
    first = world.new(chosen_id=True)
    jobs = [first, world.new(after=(first.id,), chosen_id=True)]
    _, second = await world.store.insert(jobs)
    assert held(second)
    again = await world.store.insert(jobs)
    assert [job.duplicate for job in again] == [True, True]
    await run(world, first.id)
    assert not held(await the(world, second.id))
    repeated = await world.store.insert(jobs)
    assert [job.status for job in repeated] == [JobStatus.COMPLETED, JobStatus.PENDING]


async def test_a_repeated_call_stands_though_its_predecessor_is_gone(world: World) -> None:
    (first,) = await world.put()
    await run(world, first)
    jobs = [world.new(after=(first,), chosen_id=True)]
    await world.store.insert(jobs)
    await world.store.delete([first])
    (again,) = await world.store.insert(jobs)
    assert again.duplicate


@pytest.mark.parametrize(
    ("failed", "status"),
    [
        ("cancel", JobStatus.CANCELLED),
        ("run", JobStatus.PENDING),
        ("wait", JobStatus.CANCELLED),
    ],
)
@pytest.mark.parametrize("when", ["waiting", "failed", "had failed before"])
async def test_a_deleted_predecessor_will_not_complete(
    world: World, failed: str, status: JobStatus, when: str
) -> None:
    first, second = await world.put(2)
    if when == "had failed before":
        await run(world, first, fails=True)
    id = await after(world, [first, second], failed)
    await run(world, second)
    if when == "failed":
        await run(world, first, fails=True)
    assert await world.store.delete([first]) == [first]
    job = await the(world, id)
    assert (job.status, held(job)) == (status, False)
    assert await world.store.predecessors(id) == {"COMPLETED": 1, "DELETED": 1}


async def test_a_pruned_predecessor_is_what_it_was(world: World) -> None:
    first, second = await world.put(2)
    id = await after(world, [first, second])
    await run(world, first)
    world.clock.advance(10_000)
    assert await world.store.prune(Retention({JobStatus.COMPLETED: 5}), 100) == 1
    assert await world.store.find([first]) == []
    assert held(await the(world, id))
    assert await world.store.predecessors(id) == {"COMPLETED": 1, "PENDING": 1}
    await run(world, second)
    assert not held(await the(world, id))


async def test_who_waits_for_a_retry_is_not_left_behind_by_pruning(world: World) -> None:
    (first,) = await world.put()
    id = await after(world, [first], "wait")
    await run(world, first, fails=True)
    world.clock.advance(10_000)
    assert await world.store.prune(Retention({JobStatus.FAILED: 5}), 100) == 1
    assert (await the(world, id)).status is JobStatus.CANCELLED


async def test_a_retried_predecessor_is_waited_for_again(world: World) -> None:
    first, second = await world.put(2)
    waiting = await after(world, [first], "wait")
    either = await after(world, [first, second], "run")
    await run(world, first, fails=True)
    await act(world, "retry", first)
    await run(world, second)
    assert held(await the(world, waiting))
    assert held(await the(world, either))
    await run(world, first)
    assert not held(await the(world, waiting))
    assert not held(await the(world, either))


async def test_a_retried_job_waits_again_for_what_is_open(world: World) -> None:
    first, second, third = await world.put(3)
    id = await after(world, [first, second, third])
    await run(world, third)
    await run(world, first, fails=True)
    await act(world, "retry", first, id)  # in one call, whatever their order
    assert held(await the(world, id))
    await run(world, first)
    assert held(await the(world, id))
    await run(world, second)
    assert (await the(world, id)).status is JobStatus.PENDING
    assert not held(await the(world, id))


async def test_a_retried_job_does_not_wait_for_what_has_failed(world: World) -> None:
    first, second = await world.put(2)
    id = await after(world, [first, second])
    await run(world, first, fails=True)
    await act(world, "retry", id)
    assert held(await the(world, id))  # for the second
    assert await world.store.repair() == 0
    await run(world, second)
    job = await the(world, id)
    assert (job.status, held(job)) == (JobStatus.PENDING, False)


async def test_a_waiting_job_can_be_cancelled_run_and_deleted(world: World) -> None:
    (first,) = await world.put()
    cancelled, hurried, deleted = [await after(world, [first]) for _ in range(3)]
    last = await after(world, [deleted])
    await act(world, "cancel", cancelled)
    await act(world, "run_now", hurried)
    assert await world.store.delete([deleted]) == [deleted]
    assert (await the(world, hurried)).due_ms == START
    assert (await the(world, last)).status is JobStatus.CANCELLED
    world.clock.advance(1_000)
    await run(world, first)
    assert (await the(world, cancelled)).status is JobStatus.CANCELLED
    assert (await the(world, hurried)).due_ms == START


async def test_a_long_chain_runs_and_is_cancelled_link_by_link(world: World) -> None:
    chain = await world.put()
    for _ in range(120):
        chain.append(await after(world, [chain[-1]]))
    await run(world, chain[0])
    await run(world, chain[1], fails=True)
    # further than one end is followed: the rest is the tick's
    while await world.store.repair():
        pass
    jobs = await world.store.find(chain)
    assert [job.status for job in jobs[2:]] == [JobStatus.CANCELLED] * 119


async def test_whoever_dies_between_an_end_and_what_follows_loses_nothing(world: World) -> None:
    first, second, third, fourth = await world.put(4)
    released = await after(world, [first])
    cancelled = await after(world, [second])
    let_go = await after(world, [third], "run")
    waiting = await after(world, [fourth])
    # what `apply` writes first, without what follows
    ends, ids = [], [first, second, third]
    for job in await world.store.claim(await world.worker(), ["A"], 3, ids=ids):
        failed = job.id != first
        change = lifecycle.fail(job, BOOM, max_attempts=1, delay=0)
        ends.append(change if failed else lifecycle.complete(job, None))
    await world.store._change(ends)  # type: ignore[attr-defined] # a store may die here
    assert all([held(await the(world, id)) for id in (released, cancelled, let_go, waiting)])
    assert await world.store.repair() == 3
    assert [held(await the(world, id)) for id in (released, cancelled, let_go)] == [False] * 3
    assert (await the(world, cancelled)).status is JobStatus.CANCELLED
    assert held(await the(world, waiting))
    assert await world.store.repair() == 0


async def test_what_was_deleted_unnoticed_is_found(world: World) -> None:
    (first,) = await world.put()
    waiting = await after(world, [first], "wait")
    running = await after(world, [first], "run")
    await run(world, first, fails=True)
    assert held(await the(world, waiting))
    asked = (f'["{first}"]', '["FAILED"]')
    await world.store._write([("delete_jobs", asked)])  # type: ignore[attr-defined] # dies then
    assert await world.store.repair() == 1
    assert (await the(world, waiting)).status is JobStatus.CANCELLED
    assert (await the(world, running)).status is JobStatus.PENDING


async def test_many_settlers_of_the_last_predecessors_release_once(
    world: World, share: Share
) -> None:
    for _ in range(10):
        firsts = await world.put(RACERS)
        id = await after(world, firsts)
        pairs = [world.store]
        jobs = await world.store.claim(await world.worker(), ["A"], RACERS)
        async with share(world.store) as another:
            pairs.append(another)
            before = (await world.store.pulse()).cursor
            settled = await asyncio.gather(
                *(
                    pairs[place % 2].apply([lifecycle.complete(job, None)])
                    for place, job in enumerate(jobs)
                )
            )
        assert settled == [[True]] * RACERS
        assert not held(await the(world, id))
        # as many changes as ends, and one release
        assert (await world.store.pulse()).cursor == before + RACERS + 1
        (job,) = await world.store.claim("w1", ["B"], 9)
        await world.store.apply([lifecycle.complete(job, None)])
        assert await world.store.repair() == 0


async def test_enqueuing_races_with_the_end_of_what_is_waited_for(
    world: World, share: Share
) -> None:
    async with share(world.store) as another:
        for _ in range(20):
            (first,) = await world.put()
            (job,) = await world.store.claim(await world.worker(), ["A"], 1)
            new = world.new(after=(first,))
            await asyncio.gather(
                another.insert([new]), world.store.apply([lifecycle.complete(job, None)])
            )
            assert not held(await the(world, new.id))
            await world.store.delete([new.id])


async def test_a_key_gets_its_turn_when_its_job_is_let_go(world: World) -> None:
    (first,) = await world.put()
    id = await after(world, [first], options='{"concurrency_key": "tenant"}')
    (other,) = await world.put(binding="B", options='{"concurrency_key": "tenant"}')
    worker = await world.worker()
    assert [job.id for job in await world.store.claim(worker, ["B"], 9)] == [other]
    await world.store.apply([lifecycle.complete(await the(world, other), None)])
    assert await world.store.claim(worker, ["B"], 9) == []
    await run(world, first)
    assert [job.id for job in await world.store.claim(worker, ["B"], 9)] == [id]


async def test_one_end_lets_thousands_go(world: World) -> None:
    (first,) = await world.put()
    ids = await world.put(2_500, after=(first,), binding="B")
    await run(world, first)
    assert await world.store.repair() == 0
    assert not any(held(job) for job in await world.store.find(ids))


async def test_one_job_waits_for_ten_thousand(world: World) -> None:
    ids = [id for _ in range(10) for id in await world.put(1_000)]
    id = await after(world, ids)
    assert await world.store.repair() == 0
    await act(world, "run_now", *ids)
    worker = await world.worker()
    while jobs := await world.store.claim(worker, ["A"], 1_000):
        assert held(await the(world, id))
        await world.store.apply([lifecycle.complete(job, None) for job in jobs])
    assert not held(await the(world, id))
    assert await world.store.predecessors(id) == {"COMPLETED": 10_000}
