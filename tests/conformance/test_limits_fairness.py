"""Hostile tenants: whoever enqueues more, more often or more urgently takes nobody's turn."""

from __future__ import annotations

import random
from collections import deque

import pytest
from tests.conformance.test_limits import claim, complete, key_of, keyed, limited
from tests.conformance.world import LEASE, World

from kiribi.job import Job
from kiribi.ports import NewJob
from kiribi.stores.d1 import D1Store

STEP = 1_000
MINUTE = 60_000


async def crowd(world: World, number: int, key: str, **fields: int) -> None:
    """So many jobs of a tenant; fewer where each thousand is a request over the network."""
    number = min(number, 3_000) if isinstance(world.store, D1Store) else number
    for start in range(0, number, STEP):
        several = [world.new(options=keyed(key), **fields) for _ in range(start, start + STEP)]
        await world.store.insert(several)


async def turn(world: World, number: int = 1) -> list[Job]:
    """A turn of a worker: what it starts, which has ended a moment later."""
    world.clock.advance(1)
    await world.worker()
    jobs = await claim(world, number)
    await complete(world, jobs)
    return jobs


@pytest.mark.parametrize(
    ("number", "limits"),
    [(100_000, {"concurrency": 3}), (3_000, {}), (3_000, {"concurrency_per_key": 2})],
)
async def test_ten_jobs_beside_a_hundred_thousand(
    world: World, number: int, limits: dict[str, int]
) -> None:
    await limited(world, **limits)
    await crowd(world, number, "hostile", priority=9)
    world.clock.advance(10 * MINUTE)  # however long it has waited
    await world.put(10, options=keyed("small"))
    order = [key_of(job) for _ in range(20) for job in await turn(world)]
    assert order.count("small") == 10
    assert all("small" in order[at : at + 2] for at in range(0, 20, 2)), order


async def test_tenants_that_enqueue_while_they_are_served(world: World) -> None:
    """With four tenants, each of which asks for more at every turn, every fourth turn is yours."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    tenants = ["quiet", "busy", "busier", "busiest"]
    await limited(world)
    order: list[str | None] = []
    for _ in range(60):
        await world.put(1, options=keyed("quiet"))
        for number, tenant in enumerate(tenants[1:], start=1):
            several = chance.randint(number, 10 * number)
            await world.put(several, options=keyed(tenant), priority=chance.randint(0, 9))
        order += [key_of(job) for job in await turn(world)]
    assert {tenant: order.count(tenant) for tenant in tenants} == dict.fromkeys(tenants, 15)
    assert all(len(set(order[at : at + 4])) == 4 for at in range(0, 60, 4)), order


async def test_a_fresh_key_for_each_job_pushes_nobody_back(world: World) -> None:
    """Only the keys that were there before come before: however many are made meanwhile."""
    await limited(world)
    number = 0

    async def fresh(several: int) -> None:
        nonlocal number
        for _ in range(several):
            number += 1
            await world.put(1, options=keyed(f"fresh{number}"), priority=9)

    await fresh(30)
    world.clock.advance(1)
    await world.put(1, options=keyed("small"))
    order: list[str | None] = []
    while "small" not in order:
        world.clock.advance(1)
        await fresh(5)
        order += [key_of(job) for job in await turn(world)]
    assert set(order) == {"small", *(f"fresh{n}" for n in range(1, 31))}


async def test_within_a_tenant_the_urgent_come_first(world: World) -> None:
    await limited(world)
    expected = {"small": deque[int](), "other": deque[int]()}
    for key, waiting in expected.items():
        priorities = [3, 0, 9, 5, 9, 1]
        for priority in priorities:
            await world.put(1, options=keyed(key), priority=priority)
        waiting.extend(sorted(priorities, reverse=True))
    order: list[str | None] = []
    for _ in range(12):
        (job,) = await turn(world)
        order.append(key_of(job))
        assert job.priority == expected[key_of(job) or ""].popleft()
    assert all({*order[at : at + 2]} == expected.keys() for at in range(0, 12, 2)), order


@pytest.mark.parametrize("key", ["", "k"])
async def test_the_least_urgent_starts_in_time_however_many_urgent_ones_come(
    world: World, key: str
) -> None:
    """More come than can run, all of priority 9: what comes nine minutes later comes after."""
    options = keyed(key) if key else None
    step = LEASE // 2

    def new(priority: int) -> NewJob:
        return world.new(options=options, priority=priority)

    await world.store.insert([new(9) for _ in range(5)])
    (patient,) = await world.store.insert([new(0)])
    began, ran = world.clock.now, list[Job]()
    ahead = 5 + 3 * (9 * MINUTE // step + 1)
    while patient.id not in {job.id for job in ran}:
        assert len(ran) <= ahead, "starved"
        await world.store.insert([new(9) for _ in range(3)])
        ran += await turn(world)
        world.clock.advance(step)
    assert max(job.due_ms for job in ran) <= began + 9 * MINUTE
