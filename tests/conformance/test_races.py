"""Races, raced: clients at once, each with its own thread, loop and (on files) connections."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from tests.conformance.conftest import Share
from tests.conformance.world import LEASE, World

from kiribi import lifecycle
from kiribi.errors import IdConflict
from kiribi.job import Job, JobError, JobStatus, new_id
from kiribi.ports import NewJob, Store
from kiribi.search import JobFilter

CLIENTS = 8
T = TypeVar("T")
Act = Callable[[Store, int], Awaitable[T]]


async def raced(share: Share, store: Store, act: Act[T]) -> list[T]:
    """What `act` gives each of the clients, all of them started at once."""
    start = threading.Barrier(CLIENTS)

    def client(number: int) -> T:
        async def run() -> T:
            async with share(store) as mine:
                start.wait(30)
                return await act(mine, number)

        return asyncio.run(run())

    with ThreadPoolExecutor(CLIENTS) as pool:
        futures = [pool.submit(client, number) for number in range(CLIENTS)]
        return [await asyncio.wrap_future(future) for future in futures]


async def test_each_job_is_claimed_exactly_once(world: World, share: Share) -> None:
    await world.put(1_000)
    for number in range(CLIENTS):
        await world.worker(f"w{number}")

    async def claim_all(store: Store, number: int) -> list[Job]:
        mine: list[Job] = []
        while taken := await store.claim(f"w{number}", ["A"], 7, held=[job.id for job in mine]):
            mine += taken
        return mine

    claimed = await raced(share, world.store, claim_all)
    times = Counter(job.id for mine in claimed for job in mine)
    assert len(times) == 1_000
    assert set(times.values()) == {1}
    for number, mine in enumerate(claimed):
        held = await world.store.held_by(f"w{number}")
        assert {job.id for job in held} == {job.id for job in mine}
        assert {job.attempts for job in mine} <= {1}


async def test_an_attempt_has_one_outcome(world: World, share: Share) -> None:
    await world.worker()
    await world.put(100)
    jobs = await world.store.claim("w1", ["A"], 100)

    async def settle(store: Store, number: int) -> list[bool]:
        boom = JobError("ValueError", str(number))
        changes = [
            lifecycle.complete(job, number)
            if number % 2
            else lifecycle.fail(job, boom, max_attempts=1, delay=0)
            for job in jobs
        ]
        took: list[bool] = []
        for start in range(0, 100, 10):
            took += await store.apply(changes[start : start + 10])
        return took

    outcomes = await raced(share, world.store, settle)
    assert [sum(one) for one in zip(*outcomes, strict=True)] == [1] * 100
    for job, took in zip(
        await world.store.find([job.id for job in jobs]), zip(*outcomes, strict=True), strict=True
    ):
        winner = took.index(True)
        assert len(job.history) == 1
        assert (job.result if winner % 2 else int(job.error.message)) == winner  # pyright: ignore


async def test_an_id_chosen_by_many_is_stored_once(world: World, share: Share) -> None:
    ids = [new_id(world.clock.now) for _ in range(50)]

    async def insert(store: Store, _: int) -> list[bool]:
        return [
            (await store.insert([NewJob(id, "A", '{"n": 1}', chosen_id=True)]))[0].duplicate
            for id in ids
        ]

    answers = await raced(share, world.store, insert)
    assert [sum(not one for one in new) for new in zip(*answers, strict=True)] == [1] * 50
    assert (await world.store.pulse()).bindings[0].by_status[JobStatus.PENDING] == 50


async def test_of_different_contents_under_an_id_one_wins(world: World, share: Share) -> None:
    ids = [new_id(world.clock.now) for _ in range(50)]

    async def insert(store: Store, number: int) -> list[bool]:
        won: list[bool] = []
        for id in ids:
            try:
                beside = world.new("B")
                await store.insert([beside, NewJob(id, "A", str(number), chosen_id=True)])
            except IdConflict:
                won.append(False)
            else:
                won.append(True)
        return won

    answers = await raced(share, world.store, insert)
    assert [sum(one) for one in zip(*answers, strict=True)] == [1] * 50
    stored = await world.store.find(ids)
    assert [job.payload for job in stored] == [
        one.index(True) for one in zip(*answers, strict=True)
    ]
    assert await world.store.count(JobFilter(bindings=("B",))) == await world.store.count(
        JobFilter(bindings=("A",))
    )


async def test_nobody_is_both_buried_and_renewed(world: World, share: Share) -> None:
    for number in range(200):
        await world.worker(f"w{number}")
    world.clock.advance(LEASE)

    async def act(store: Store, number: int) -> set[str]:
        renewed: set[str] = set()
        for one in range(200):
            if number % 2:
                renewed.update(await store.renew([f"w{one}"], LEASE))
            else:
                await store.bury({f"w{one}": "raced"})
        return renewed

    renewals = await raced(share, world.store, act)
    dead = {worker.id for worker in await world.store.dead_workers()}
    assert dead == {f"w{number}" for number in range(200)}
    for renewed in renewals:
        assert await world.store.renew(sorted(renewed), LEASE) == []


async def test_counters_survive_a_crowd(world: World, share: Share) -> None:
    for number in range(CLIENTS):
        await world.worker(f"w{number}")

    async def act(store: Store, number: int) -> None:
        for _ in range(10):
            jobs = await store.insert([world.new("AB"[number % 2]) for _ in range(5)])
            claimed = await store.claim(f"w{number}", ["A", "B"], 4)
            await store.apply([lifecycle.complete(job, None) for job in claimed[:2]])
            await store.delete([job.id for job in jobs[:2]])
            await store.roll_up()

    await raced(share, world.store, act)
    real = Counter[tuple[str, JobStatus]]()
    before: str | None = None
    while True:
        page = await world.store.search(JobFilter(), before=before, limit=100)
        real.update((job.binding, job.status) for job in page.jobs)
        before = page.next
        if before is None:
            break
    pulse = await world.store.pulse()
    counted = {(c.binding, s): n for c in pulse.bindings for s, n in c.by_status.items() if n}
    assert counted == dict(real)


async def test_callers_that_share_a_transaction_fail_alone(world: World) -> None:
    """Concurrent calls on one store may share a transaction: only the guilty one is refused."""
    id = new_id(world.clock.now)
    await world.store.insert([NewJob(id, "A", "1", chosen_id=True)])
    good = [world.store.insert([world.new()]) for _ in range(20)]
    bad = world.store.insert([world.new(), NewJob(id, "A", "2", chosen_id=True)])
    answers = await asyncio.gather(*good[:10], bad, *good[10:], return_exceptions=True)
    assert [type(answer) for answer in answers] == [list] * 10 + [IdConflict] + [list] * 10
    assert (await world.store.count(JobFilter())).value == 21


@pytest.mark.parametrize("number", [200])
async def test_concurrent_callers_get_their_own_answers(world: World, number: int) -> None:
    asked = [[world.new(payload=f"{i * 10 + k}") for k in range(i % 3)] for i in range(number)]
    answers = await asyncio.gather(*(world.store.insert(jobs) for jobs in asked))
    for jobs, answer in zip(asked, answers, strict=True):
        assert [job.id for job in answer] == [new.id for new in jobs]
        assert [str(job.payload) for job in answer] == [new.payload for new in jobs]
