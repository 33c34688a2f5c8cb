"""What becomes of duplicates, raced: clients at once, alone in a call and with others."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict

import pytest
from tests.conformance.conftest import Share
from tests.conformance.test_races import CLIENTS, raced
from tests.conformance.test_unique import OPEN_STATES, WAITING_STATES, count
from tests.conformance.world import World

from kiribi.errors import Duplicate
from kiribi.job import Job, JobStatus, new_id
from kiribi.ports import NewJob, Store
from kiribi.search import JobFilter
from kiribi.unique import OnConflict, UniqueKey

KEYS = 5
CALLS = 15
HOUR_MS = 3_600_000


def asked(
    world: World, key: int, payload: object, how: OnConflict, delay_ms: int = HOUR_MS
) -> NewJob:
    states = OPEN_STATES if how == "raise" else WAITING_STATES
    rule = UniqueKey(str(key), states=states, on_conflict=how)
    id = new_id(world.clock())
    return NewJob(id, "A", json.dumps(payload), delay_ms=delay_ms, unique=rule)


def some_keys(rng: random.Random) -> list[int]:
    return rng.sample(range(KEYS), rng.choice([1, 1, 2, 3]))


async def waiting(store: Store) -> list[Job]:
    return list((await store.search(JobFilter(), limit=1_000)).jobs)


async def test_of_those_that_raise_one_is_stored_and_all_others_are_told_which(
    world: World, share: Share
) -> None:
    async def enqueue(store: Store, number: int) -> tuple[list[Job], list[Job]]:
        rng = random.Random(number)
        stored: list[Job] = []
        refused: list[Job] = []

        async def one() -> None:
            jobs = [asked(world, key, [number, key], "raise") for key in some_keys(rng)]
            try:
                stored.extend(await store.insert(jobs))
            except Duplicate as error:
                refused.append(error.job)

        await asyncio.gather(*(one() for _ in range(CALLS)))
        return stored, refused

    told = await raced(share, world.store, enqueue)
    stored = {job.id: job for made, _ in told for job in made}
    assert not any(job.duplicate for job in stored.values())
    # what was stored beside others that were not would be found here
    assert stored.keys() == {job.id for job in await waiting(world.store)}
    assert max(Counter(job.payload[1] for job in stored.values()).values()) == 1
    named = {job.id for _, refused in told for job in refused}
    assert named
    assert named <= stored.keys()
    assert await count(world.store) == len(stored)


@pytest.mark.parametrize("how", ["replace", "reschedule"])
async def test_of_those_that_change_the_holder_the_last_of_somebody_stays(
    world: World, share: Share, how: OnConflict
) -> None:
    """Each client asks in order, so what stays is what one of them asked for last."""

    async def enqueue(store: Store, number: int) -> tuple[list[Job], dict[int, list[int]]]:
        rng = random.Random(number)
        answers: list[Job] = []
        last: dict[int, list[int]] = {}
        for call in range(CALLS):
            keys = some_keys(rng)
            delay = HOUR_MS + number * CALLS + call
            jobs = [asked(world, key, [number, call], how, delay) for key in keys]
            answers += await store.insert(jobs)
            last |= {key: [number, call] for key in keys}
        return answers, last

    told = await raced(share, world.store, enqueue)
    made = [job for answers, _ in told for job in answers if not job.duplicate]
    jobs = await waiting(world.store)
    assert len(made) == len(jobs) == KEYS == await count(world.store)
    assert {job.id for answers, _ in told for job in answers} == {job.id for job in jobs}
    lasts: dict[int, list[list[int]]] = defaultdict(list)
    for _, last in told:
        for key, what in last.items():
            lasts[key].append(what)
    held = await world.store.unique_keys([job.id for job in jobs])
    first = {job.id: job.payload for job in made}
    for job in jobs:
        key = int(held[job.id].key)
        dues = {world.clock() + HOUR_MS + number * CALLS + call for number, call in lasts[key]}
        if how == "replace":
            assert job.payload in lasts[key]
            number, call = job.payload
            assert job.due_ms == world.clock() + HOUR_MS + number * CALLS + call
        else:
            assert job.payload == first[job.id]
            assert job.due_ms in dues


async def test_while_one_runs_the_latest_wins(world: World, share: Share) -> None:
    """The debounce: one that runs, one that follows it, however many ask."""
    (runs,) = await world.store.insert([asked(world, 0, "first", "replace", 0)])
    await world.worker()
    assert [job.id for job in await world.store.claim("w1", ["A"], 1)] == [runs.id]

    async def enqueue(store: Store, number: int) -> list[Job]:
        return [
            job
            for call in range(CALLS)
            for job in await store.insert([asked(world, 0, [number, call], "replace")])
        ]

    told = await raced(share, world.store, enqueue)
    made = [job for answers in told for job in answers if not job.duplicate]
    jobs = {job.status: job for job in await waiting(world.store)}
    assert [job.id for job in made] == [jobs[JobStatus.PENDING].id]
    assert jobs[JobStatus.PROCESSING].payload == "first"
    assert jobs[JobStatus.PENDING].payload in [[n, CALLS - 1] for n in range(CLIENTS)]
    assert await count(world.store) == 2
