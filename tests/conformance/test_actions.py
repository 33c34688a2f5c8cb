"""Bulk actions: recorded, in steps, each done and counted once, whoever dies or comes between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.conformance.conftest import Share
from tests.conformance.world import World

from kiribi import lifecycle
from kiribi._carrier import LEASE_MS, Carrier, Stepped, begin, carry_out, step
from kiribi.action import Action, ActionStatus
from kiribi.errors import Duplicate
from kiribi.job import OPEN, Job, JobError, JobStatus, new_id
from kiribi.ports import NewJob, Retention, Store
from kiribi.search import JobFilter
from kiribi.unique import UniqueKey

BOOM = JobError("ValueError", "boom")


async def start(world: World, kind: str, filter: Mapping[str, Any], lease_ms: int = 0) -> Action:
    """Begin an action, after all jobs of now by the clock of their ids."""
    world.clock.advance(1)
    id = new_id(world.clock.now)
    given = JobFilter.parse(filter).given()
    return await world.store.begin_action(Action(id, kind, given, "ann"), lease_ms)


async def finished(world: World, action: Action, carrier: Carrier | None = None) -> Action:
    """The action after so many ticks as it takes."""
    carrier = carrier or Carrier(world.store)
    while (now := await found(world.store, action)).status is ActionStatus.RUNNING:
        await carrier.tick()
    return now


async def found(store: Store, action: Action) -> Action:
    now = await store.find_action(action.id)
    assert now is not None
    return now


async def counted(world: World, status: JobStatus, binding: str = "A") -> int:
    return (await world.store.count(JobFilter(bindings=(binding,), statuses=(status,)))).value


def counts(action: Action) -> tuple[int, int, int, int]:
    return action.matched, action.done, action.skipped, action.failed


async def many(world: World, number: int, binding: str = "A") -> list[str]:
    return [id for _ in range(0, number, 500) for id in await world.put(500, binding)]


async def test_it_is_recorded_with_who_filter_and_times(world: World) -> None:
    filter = {"binding": "A", "status": ["PENDING"], "payload": {"n": 1}, "created_before": 7}
    action = await start(world, "cancel", filter)
    assert action == await found(world.store, action)
    assert action.filter == {**filter, "binding": ["A"]}
    assert JobFilter.parse(action.filter) == JobFilter.parse(filter)
    assert (action.kind, action.who, action.status) == ("cancel", "ann", ActionStatus.RUNNING)
    assert action.created_ms == action.updated_ms == world.clock.now
    assert (counts(action), action.finished_ms) == ((0, 0, 0, 0), None)
    world.clock.advance(5)
    ended = await finished(world, action)
    assert (ended.status, ended.finished_ms) == (ActionStatus.DONE, world.clock.now)


async def test_it_is_carried_out_in_steps_of_a_thousand(world: World) -> None:
    await many(world, 2_500)
    await world.put(3, "B")
    action = await start(world, "cancel", {"binding": "A"}, LEASE_MS)
    steps: list[Stepped] = [stepped async for stepped in carry_out(world.store, action)]
    assert [len(stepped.done) for stepped in steps] == [1_000, 1_000, 500]
    assert [counts(stepped.action)[:2] for stepped in steps] == [
        (1_000, 1_000),
        (2_000, 2_000),
        (2_500, 2_500),
    ]
    assert steps[-1].action.status is ActionStatus.DONE
    assert await counted(world, JobStatus.CANCELLED) == 2_500
    assert await counted(world, JobStatus.PENDING, "B") == 3


@pytest.mark.parametrize("kind", ["cancel", "retry", "run_now", "delete"])
async def test_each_kind_does_what_it_may_and_skips_the_rest(world: World, kind: str) -> None:
    worker = await world.worker()
    waiting, running, done, failed = await world.put(4)
    for id in (done, failed):
        (job,) = await world.store.claim(worker, ["A"], 1, ids=[id])
        change = lifecycle.fail(job, BOOM, max_attempts=1, delay=0)
        await world.store.apply([change if id == failed else lifecycle.complete(job, None)])
    await world.store.claim(worker, ["A"], 1, ids=[running])
    ended = await finished(world, await start(world, kind, {"binding": "A"}))
    acted, reason = {
        "cancel": ([waiting, running], "only open jobs can be cancelled"),
        "retry": ([done, failed], "only ended jobs can be retried"),
        "run_now": ([waiting], "only waiting jobs can be run now"),
        "delete": ([waiting, done, failed], "cancel it first"),
    }[kind]
    assert counts(ended) == (4, len(acted), 4 - len(acted), 0)
    assert ended.reason is not None
    assert reason in ended.reason
    jobs = {job.id: job for job in await world.store.find([waiting, running, done, failed])}
    if kind == "delete":
        assert [*jobs] == [running]
    else:
        assert jobs[running].cancel_requested is (kind == "cancel")
        pending = JobStatus.CANCELLED if kind == "cancel" else JobStatus.PENDING
        assert jobs[waiting].status is pending
        assert jobs[failed].status is (JobStatus.PENDING if kind == "retry" else JobStatus.FAILED)


async def test_jobs_enqueued_after_it_began_are_left_alone(world: World) -> None:
    await world.put(5)
    action = await start(world, "cancel", {"binding": "A"})
    world.clock.advance(1)
    later = await world.put(5)
    ended = await finished(world, action)
    assert counts(ended) == (5, 5, 0, 0)
    assert {job.status for job in await world.store.find(later)} == {JobStatus.PENDING}


async def test_abort_ends_it_between_two_steps(world: World) -> None:
    await many(world, 1_500)
    action = await start(world, "cancel", {"binding": "A"}, LEASE_MS)
    stepped = await step(world.store, action)
    assert stepped is not None
    assert await world.store.abort_action(action.id)
    assert not await world.store.abort_action(action.id)
    assert await step(world.store, stepped.action) is None
    now = await found(world.store, action)
    assert (now.status, counts(now)) == (ActionStatus.ABORTED, (1_000, 1_000, 0, 0))
    assert await counted(world, JobStatus.CANCELLED) == 1_000
    assert not await Carrier(world.store).tick()
    assert not await world.store.abort_action(new_id())


async def test_it_is_left_to_who_holds_it_until_his_lease_has_lapsed(world: World) -> None:
    await many(world, 1_500)
    action = await start(world, "cancel", {"binding": "A"}, LEASE_MS)
    first = await step(world.store, action)
    assert first is not None
    other = Carrier(world.store)
    assert not await other.tick()
    world.clock.advance(LEASE_MS)
    assert await other.tick()
    ended = await found(world.store, action)
    assert (ended.status, counts(ended)) == (ActionStatus.DONE, (1_500, 1_500, 0, 0))
    # the first one comes back too late
    assert await step(world.store, first.action) is None
    assert counts(await found(world.store, action)) == (1_500, 1_500, 0, 0)


async def test_the_same_step_is_not_done_twice(world: World, share: Share) -> None:
    await many(world, 1_000)
    action = await start(world, "delete", {"binding": "A"}, LEASE_MS)
    async with share(world.store) as another:
        steps = await asyncio.gather(
            *(step(store, action) for store in (world.store, another) for _ in range(4))
        )
    assert len([one for one in steps if one is not None]) == 1
    assert counts(await found(world.store, action)) == (1_000, 1_000, 0, 0)
    assert await counted(world, JobStatus.PENDING) == 0


async def test_many_tickers_count_exactly(world: World, share: Share) -> None:
    await many(world, 3_000)
    action = await start(world, "cancel", {"binding": "A", "status": "PENDING"})
    async with share(world.store) as another:
        carriers = [Carrier(store) for store in (world.store, another) for _ in range(3)]

        async def tick(carrier: Carrier) -> None:
            while (await found(world.store, action)).status is ActionStatus.RUNNING:
                await carrier.tick(budget=0.001)
                world.clock.advance(1_000)  # some leases lapse: then several believe it theirs

        await asyncio.gather(*(tick(carrier) for carrier in carriers))
    assert counts(await found(world.store, action)) == (3_000, 3_000, 0, 0)
    assert await counted(world, JobStatus.CANCELLED) == 3_000


async def test_jobs_that_change_meanwhile_are_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await world.worker()
    claimed, gone, moved, waiting = await world.put(4)
    action = await start(world, "cancel", {"status": ["PENDING", "PROCESSING"]}, LEASE_MS)
    advance = type(world.store).advance

    async def late(store: Any, *args: Any) -> Any:
        monkeypatch.undo()
        await world.store.claim(worker, ["A"], 1, ids=[claimed])
        await world.store.delete([gone])
        (job,) = await world.store.claim(worker, ["A"], 1, ids=[moved])
        await world.store.apply([lifecycle.complete(job, None)])
        return await advance(store, *args)

    monkeypatch.setattr(type(world.store), "advance", late)
    steps = [stepped async for stepped in carry_out(world.store, action)]
    assert [sorted(stepped.done) for stepped in steps] == [[waiting], [claimed]]
    assert set(steps[0].action.missed) == {claimed, gone, moved}
    assert counts(steps[1].action) == (4, 2, 2, 0)
    assert sorted(steps[1].refused) == sorted([gone, moved])
    (job,) = await world.store.find([claimed])
    assert job.cancel_requested


async def test_jobs_that_never_stand_still_count_as_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (restless,) = await world.put()
    action = await start(world, "cancel", {"status": ["PENDING", "CANCELLED"]}, LEASE_MS)
    advance = type(world.store).advance

    async def late(store: Any, given: Any, one: Any, *args: Any) -> Any:
        changes = [replace(change, attempts=change.attempts + 1) for change in one.changes]
        return await advance(store, given, replace(one, changes=changes), *args)

    monkeypatch.setattr(type(world.store), "advance", late)
    ended = [stepped.action async for stepped in carry_out(world.store, action)][-1]
    assert (ended.status, counts(ended)) == (ActionStatus.DONE, (1, 0, 0, 1))
    assert ended.reason == f"job '{restless}' changed again and again"


async def test_it_races_with_workers_and_counts_exactly(world: World, share: Share) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    ids = await many(world, 2_000)
    worker = await world.worker()
    action = await start(world, "cancel", {"binding": "A", "status": ["PENDING", "PROCESSING"]})
    ended: set[str] = set()

    async def work(store: Store) -> None:
        for _ in range(60):
            jobs: list[Job] = await store.claim(worker, ["A"], chance.randrange(1, 30))
            took = await store.apply([lifecycle.complete(job, None) for job in jobs])
            ended.update(job.id for job, one in zip(jobs, took, strict=True) if one)

    async with share(world.store) as another:
        now, *_ = await asyncio.gather(finished(world, action), work(another), work(world.store))
    jobs = await world.store.find(ids)
    assert now.matched == now.done + now.skipped + now.failed
    assert now.failed == 0
    cancelled = {job.id for job in jobs if job.status is JobStatus.CANCELLED}
    assert len(cancelled | ended) == 2_000
    # a request that came too late was done all the same, and the job ended before it stopped
    assert len(cancelled) <= now.done
    assert now.done + now.skipped <= 2_000


async def test_predecessors_cancelled_by_an_action_let_go_of_their_successors(
    world: World,
) -> None:
    first, second = await world.put(2)
    (after,) = await world.put(after=(first, second), after_failed="run", binding="B")
    assert (await finished(world, await start(world, "cancel", {"ids": [first]}))).done == 1
    assert (await finished(world, await start(world, "delete", {"ids": [second]}))).done == 1
    (job,) = await world.store.find([after])
    assert job.due_ms <= world.clock.now


async def test_they_are_listed_newest_first_and_pruned_with_retention(world: World) -> None:
    actions = [await start(world, "cancel", {"binding": "A"}) for _ in range(3)]
    ids = [action.id for action in reversed(actions)]
    assert [action.id for action in await world.store.actions()] == ids
    assert [action.id for action in await world.store.actions(before=ids[0], limit=1)] == ids[1:2]
    running = await world.store.running_actions(9)
    assert [(action.id, free) for action, free in running] == [(id, True) for id in ids[::-1]]
    keep = Retention({JobStatus.COMPLETED: 1, JobStatus.FAILED: 60})
    assert (await finished(world, actions[0])).status is ActionStatus.DONE
    await world.store.abort_action(ids[0])
    world.clock.advance(59_000)
    await Carrier(world.store).tick(keep)
    assert len(await world.store.actions()) == 3
    world.clock.advance(2_000)
    await Carrier(world.store).tick(Retention({}))
    assert len(await world.store.actions()) == 3
    open_one = await start(world, "cancel", {"binding": "A"})
    await Carrier(world.store).tick(keep, budget=0)
    assert [action.id for action in await world.store.actions()] == [open_one.id]


async def test_an_id_of_another_time_is_minted_anew(world: World) -> None:
    action = await begin(world.store, "cancel", JobFilter(), "")
    assert abs(int(action.id[:8] + action.id[9:13], 16) - world.clock.now) <= 60_000


def of_key(world: World) -> NewJob:
    return world.new(unique=UniqueKey("k", states=tuple(sorted(OPEN))))


async def ended_of_key(world: World) -> str:
    """A cancelled job, whose key is free."""
    (job,) = await world.store.insert([of_key(world)])
    assert await world.store.apply([lifecycle.cancel(job)]) == [True]
    return job.id


async def test_a_retry_whose_unique_key_another_holds_is_skipped(world: World) -> None:
    ended = await ended_of_key(world)
    (holder,) = await world.store.insert([of_key(world)])
    action = await start(world, "retry", {"status": "CANCELLED"}, LEASE_MS)
    (stepped,) = [one async for one in carry_out(world.store, action)]
    assert counts(stepped.action) == (1, 0, 1, 0)
    assert isinstance(stepped.refused[ended], Duplicate)
    assert stepped.action.reason == str(Duplicate(holder))
    assert await counted(world, JobStatus.CANCELLED) == 1


async def test_a_retry_whose_unique_key_is_taken_meanwhile_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = await ended_of_key(world)
    (free,) = await world.put()
    (job,) = await world.store.find([free])
    await world.store.apply([lifecycle.cancel(job)])
    action = await start(world, "retry", {"status": "CANCELLED"}, LEASE_MS)
    advance = type(world.store).advance

    async def late(store: Any, *args: Any) -> Any:
        monkeypatch.undo()
        await world.store.insert([of_key(world)])
        return await advance(store, *args)

    monkeypatch.setattr(type(world.store), "advance", late)
    steps = [one async for one in carry_out(world.store, action)]
    assert [one.done for one in steps] == [[free], []]
    assert steps[0].action.missed == (ended,)
    assert [counts(one.action) for one in steps] == [(2, 1, 0, 0), (2, 1, 1, 0)]
    assert isinstance(steps[1].refused[ended], Duplicate)


async def test_of_a_unique_key_one_is_retried(world: World) -> None:
    ended = [await ended_of_key(world) for _ in range(3)]
    now = await finished(world, await start(world, "retry", {"status": "CANCELLED"}))
    assert counts(now) == (3, 1, 2, 0)
    jobs = await world.store.find(ended)
    assert sorted(job.status for job in jobs) == ["CANCELLED", "CANCELLED", "PENDING"]
