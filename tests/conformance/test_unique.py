"""What `Store.insert` and `Store.apply` must do with unique jobs."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
from tests.conformance.conftest import Share
from tests.conformance.test_races import raced
from tests.conformance.world import START, World

from kiribi import lifecycle
from kiribi._explain import Reason, explained
from kiribi.errors import Duplicate
from kiribi.job import OPEN, WAITING, Job, JobError, JobStatus, new_id
from kiribi.ports import NewJob, Store
from kiribi.search import JobFilter
from kiribi.unique import KeyHeld, UniqueKey

OPEN_STATES = tuple(sorted(OPEN))
WAITING_STATES = tuple(sorted(WAITING))


def unique(key: str = "k", **parts: Any) -> UniqueKey:
    return UniqueKey(key, **{"states": OPEN_STATES, **parts})


async def put(world: World, key: str = "k", binding: str = "A", **fields: Any) -> Job:
    parts = {
        part: fields.pop(part) for part in ("states", "within_ms", "on_conflict") if part in fields
    }
    (job,) = await world.store.insert([world.new(binding, unique=unique(key, **parts), **fields)])
    return job


async def claimed(world: World) -> Job:
    await world.worker()
    (job,) = await world.store.claim("w1", ["A"], 1)
    return job


async def count(store: Store) -> int:
    number = (await store.count(JobFilter())).value
    pulse = await store.pulse()
    real: dict[tuple[str, str], int] = {}
    for job in (await store.search(JobFilter(), limit=1_000)).jobs:
        real[job.binding, job.status] = real.get((job.binding, job.status), 0) + 1
    told = {(c.binding, s): n for c in pulse.bindings for s, n in c.by_status.items() if n}
    assert told == real
    return number


async def test_the_second_is_the_first(world: World) -> None:
    first = await put(world)
    second = await put(world, payload='"other"')
    assert not first.duplicate
    assert second == replace(first, duplicate=True)
    assert await count(world.store) == 1


async def test_keys_are_each_bindings_own(world: World) -> None:
    jobs = [await put(world), await put(world, binding="B"), await put(world, "other")]
    assert [job.duplicate for job in jobs] == [False] * 3
    assert await count(world.store) == 3


@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "delete"])
async def test_who_ends_or_goes_frees_the_key(world: World, end: str) -> None:
    first = await put(world)
    if end == "delete":
        await world.store.delete([first.id])
    elif end == "cancel":
        await world.store.apply([lifecycle.cancel(first)])
    else:
        job = await claimed(world)
        assert (await put(world)).duplicate, "it runs"
        boom = JobError("E", "boom")
        await world.store.apply(
            [
                lifecycle.complete(job, 1)
                if end == "complete"
                else lifecycle.fail(job, boom, max_attempts=1, delay=0)
            ]
        )
    second = await put(world)
    assert (second.duplicate, second.id == first.id) == (False, False)
    await count(world.store)


async def test_within_counts_from_creation(world: World) -> None:
    states = tuple(JobStatus)
    first = await put(world, within_ms=1_000, states=states)
    job = await claimed(world)
    await world.store.apply([lifecycle.complete(job, 1)])
    world.clock.advance(999)
    assert (await put(world, within_ms=1_000, states=states)).id == first.id
    world.clock.advance(1)
    assert not (await put(world, within_ms=1_000, states=states)).duplicate


async def test_who_keeps_its_key_when_it_ends_keeps_it(world: World) -> None:
    await world.put()  # the binding is known: whoever comes alone from now on is stored for less
    states = tuple(JobStatus)
    for binding in ("A", "new to the store"):
        first = await put(world, binding=binding, states=states)
        await world.store.apply([lifecycle.cancel(first)])
        assert (await put(world, binding=binding)).id == first.id
        await world.store.delete([first.id])
        assert not (await put(world, binding=binding)).duplicate


async def test_raising_names_the_holder_and_stores_nothing(world: World) -> None:
    first = await put(world)
    with pytest.raises(Duplicate) as alone:
        await put(world, on_conflict="raise")
    with pytest.raises(Duplicate) as among:
        await world.store.insert([world.new("C"), world.new(unique=unique(on_conflict="raise"))])
    assert alone.value.job.id == among.value.job.id == first.id
    with pytest.raises(Duplicate):
        await world.store.insert(
            [world.new(unique=unique("new", on_conflict="raise")) for _ in range(2)]
        )
    assert await count(world.store) == 1


@pytest.mark.parametrize("size", [3, 5_000])
async def test_replace_changes_a_holder_that_waits(world: World, size: int) -> None:
    body = '"' + "x" * size + '"'
    first = await put(world, states=WAITING_STATES, on_conflict="replace")
    second = await put(
        world,
        payload=body,
        priority=3,
        delay_ms=500,
        options='{"timeout":1}',
        states=WAITING_STATES,
        on_conflict="replace",
    )
    (found,) = await world.store.find([first.id])
    assert replace(found, duplicate=True) == second
    assert (found.payload, found.priority, found.options) == (body[1:-1], 3, {"timeout": 1})
    assert found.due_ms == world.clock() + 500
    third = await put(world, payload="1", states=WAITING_STATES, on_conflict="replace")
    assert (third.id, third.payload, third.due_ms) == (first.id, 1, world.clock())
    assert await count(world.store) == 1


async def test_latest_wins_while_one_runs(world: World) -> None:
    rule = {"states": WAITING_STATES, "on_conflict": "replace"}
    first = await put(world, payload="1", **rule)
    job = await claimed(world)
    jobs = [await put(world, payload=str(n), **rule) for n in (2, 3, 4)]
    assert [one.duplicate for one in jobs] == [False, True, True]
    assert len({one.id for one in jobs} - {first.id}) == 1
    await world.store.apply([lifecycle.complete(job, 1)])
    assert (await claimed(world)).payload == 4
    assert await count(world.store) == 2


async def test_replacing_a_job_to_be_retried_counts_from_zero(world: World) -> None:
    await put(world, on_conflict="replace")
    job = await claimed(world)
    running = await put(world, payload="2", on_conflict="replace")
    assert (running.status, running.payload) == (JobStatus.PROCESSING, None), "left as it is"
    boom = JobError("E", "boom")
    await world.store.apply([lifecycle.fail(job, boom, max_attempts=3, delay=60)])
    again = await put(world, payload="2", on_conflict="replace")
    assert (again.id, again.status, again.failures) == (job.id, JobStatus.PENDING, 0)
    assert (again.error, again.attempts, again.due_ms) == (None, 1, world.clock())
    await count(world.store)


async def test_reschedule_moves_the_due_time_alone(world: World) -> None:
    first = await put(world, payload="1", delay_ms=100, priority=2)
    moved = await put(world, payload="2", delay_ms=900, priority=9, on_conflict="reschedule")
    assert moved == replace(first, due_ms=world.clock() + 900, duplicate=True)
    await count(world.store)


async def test_within_one_call(world: World) -> None:
    new = [world.new(payload=str(n), unique=unique("ab"[n % 2])) for n in range(10)]
    plain = [world.new() for _ in range(3)]
    jobs = await world.store.insert([*plain, *new])
    assert [job.duplicate for job in jobs] == [False] * 5 + [True] * 8
    assert {job.id for job in jobs[3:]} == {new[0].id, new[1].id}
    last = [world.new(payload=str(n), unique=unique("c", on_conflict="replace")) for n in range(5)]
    assert (await world.store.insert(last))[-1].payload == 4
    assert await count(world.store) == 6


async def test_with_a_chosen_id(world: World) -> None:
    mine = NewJob(new_id(world.clock()), "A", "1", chosen_id=True, unique=unique())
    (first,) = await world.store.insert([mine])
    (again,) = await world.store.insert([mine])
    other = mine._replace(id=new_id(world.clock()))
    (held,) = await world.store.insert([other])
    assert (first.duplicate, again.duplicate, held.duplicate) == (False, True, True)
    assert first.id == again.id == held.id == mine.id
    await world.store.apply([lifecycle.cancel(first)])
    (now,) = await world.store.insert([other])
    assert (now.id, now.duplicate) == (other.id, False)
    (still,) = await world.store.insert([mine])
    assert (still.id, still.status) == (mine.id, JobStatus.CANCELLED)
    assert await count(world.store) == 2


async def test_a_retry_needs_the_key(world: World) -> None:
    first = await put(world)
    await world.store.apply([lifecycle.cancel(first)])
    second = await put(world)
    (ended,) = await world.store.find([first.id])
    assert await world.store.apply([lifecycle.retry(ended)]) == [False]
    keys = await world.store.unique_keys([first.id, second.id])
    assert {key.holder for key in keys.values()} == {second.id}
    await world.store.apply([lifecycle.cancel(second)])
    both = await world.store.find([first.id, second.id])
    assert sorted(await world.store.apply([lifecycle.retry(job) for job in both])) == [False, True]
    assert (await put(world)).duplicate
    assert await count(world.store) == 2


async def told(world: World, id: str) -> Reason:
    situation = await world.store.situation(id)
    assert situation is not None
    return next(one for one in explained(situation).reasons if one.code == "unique_key")


async def test_who_holds_a_key_is_told(world: World) -> None:
    first = await put(world, within_ms=5_000)
    until = world.clock.now + 5_000
    mine = (await world.store.unique_keys([first.id]))[first.id]
    assert mine == KeyHeld("k", tuple(JobStatus)[:3], until, first.id, until)
    reason = await told(world, first.id)
    assert reason.params["holder"] == first.id
    assert reason.params["until"].startswith("2030-03-17T17:46:45")
    assert reason.message == (
        "It holds the unique key k while it is PENDING, PROCESSING or RETRY_PENDING, "
        "until 2030-03-17 17:46:45 UTC at most."
    )
    await world.store.apply([lifecycle.cancel(first)])
    assert (await told(world, first.id)).message == "Nobody holds its unique key k."
    second = await put(world)
    assert (await world.store.unique_keys([first.id]))[first.id].held_until_ms is None
    assert (await told(world, first.id)).message == (
        f"Job {second.id} holds its unique key k; retry is refused meanwhile."
    )
    world.clock.advance(5_000)
    assert await world.store.unique_keys([first.id]) == {}
    (plain,) = await world.put()
    situation = await world.store.situation(plain)
    assert situation is not None
    assert situation.unique is None


async def test_what_is_raced_is_stored_once(world: World, share: Share) -> None:
    async def enqueue(store: Store, number: int) -> list[str]:
        rng = random.Random(number)
        calls = [
            store.insert(
                [
                    NewJob(new_id(world.clock()), "A", str(number), unique=unique(str(key)))
                    for key in rng.sample(range(30), rng.randint(1, 5))
                ]
            )
            for _ in range(60)
        ]
        return [
            job.id for jobs in await asyncio.gather(*calls) for job in jobs if not job.duplicate
        ]

    made = [id for ids in await raced(share, world.store, enqueue) for id in ids]
    assert len(made) == len(set(made)) == 30
    assert await count(world.store) == 30


async def test_of_one_call_the_last_replacement_and_the_last_due_time_stay(world: World) -> None:
    waits: dict[str, Any] = {"states": WAITING_STATES}
    ways = [("return", 0), ("replace", 10), ("reschedule", 20)]
    jobs = [
        world.new("A", f"{n}", unique=unique(on_conflict=how, **waits), delay_ms=ms)
        for n, (how, ms) in enumerate(ways)
    ]
    first, *others = await world.store.insert(jobs)
    assert [job.id for job in others] == [first.id, first.id]
    (job,) = await world.store.find([first.id])
    assert (job.payload, job.due_ms) == (1, START + 20)
