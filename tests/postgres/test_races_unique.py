"""Sixteen clients who want the same keys, while their holders run, end and are retried."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from tests.postgres.races import CLIENTS, Race, new, racing

from kiribi import lifecycle
from kiribi.errors import Duplicate
from kiribi.job import FINAL, HELD_MS, OPEN, WAITING, Job, JobError, JobStatus
from kiribi.lifecycle import Change
from kiribi.ports import Store
from kiribi.unique import UniqueKey

KEYS = "abc"
ROUNDS = 25
WORKERS = range(CLIENTS - 4, CLIENTS)
BOOM = JobError("ValueError", "boom")
OPEN_STATES = tuple(sorted(OPEN))
WAITING_STATES = tuple(sorted(WAITING))


@pytest.fixture
def race(postgres_url: str, runner: asyncio.Runner) -> Iterator[Race]:
    entered = racing(postgres_url)
    yield runner.run(entered.__aenter__())
    runner.run(entered.__aexit__(None, None, None))


@dataclass
class Work:
    """Runs what the others enqueue; `roughly`: not each attempt is the last of its job."""

    enqueuers: int
    roughly: bool
    ended: list[Job] = field(default_factory=list[Job])

    async def __call__(self, race: Race, store: Store, number: int, chance: Random) -> None:
        while self.enqueuers or await race.stores[0].next_due(["A"]) is not None:
            jobs = await store.claim(f"w{number}", ["A"], chance.randint(1, 3))
            assert all(await store.apply([self._end(job, chance) for job in jobs]))
            if self.roughly and self.enqueuers:
                found = await store.find([job.id for job in jobs])
                self.ended += [job for job in found if job.status in FINAL]
                if self.ended and chance.random() < 0.3:
                    await store.apply([lifecycle.retry(self.ended.pop())])

    def _end(self, job: Job, chance: Random) -> Change:
        complete = lifecycle.complete(job, None)
        if not self.roughly:
            return complete
        fail = lifecycle.fail(job, BOOM, max_attempts=2, delay=0)
        return chance.choice((complete, complete, fail, lifecycle.snooze(job, 0, reason="later")))


def one_at_a_time(events: list[dict[str, Any]], states: tuple[JobStatus, ...]) -> Counter[str]:
    """Of each key, no two jobs hold it at once; how often it was taken."""
    holds: dict[str, set[str]] = defaultdict(set)
    taken = Counter[str]()
    for event in events:
        if event["key"] is None:
            continue
        before = set(holds[event["key"]])
        if event["what"] != "DELETE" and event["status"] in states:
            holds[event["key"]].add(event["id"])
        else:
            holds[event["key"]].discard(event["id"])
        taken[event["key"]] += len(holds[event["key"]] - before)
        assert len(holds[event["key"]]) <= 1, event
    return taken


@pytest.mark.parametrize("on_conflict", ["return", "raise"])
async def test_a_key_has_one_open_job_at_a_time(race: Race, on_conflict: Any) -> None:
    await race.workers("A")
    await race.record()
    work = Work(CLIENTS - len(WORKERS), roughly=True)

    async def act(store: Store, number: int, chance: Random) -> Counter[str]:
        stored = Counter[str]()
        if number in WORKERS:
            await work(race, store, number, chance)
            return stored
        for _ in range(ROUNDS):
            keys = chance.sample(KEYS, chance.choice((1, 1, 2)))
            rule = [UniqueKey(key, OPEN_STATES, None, on_conflict) for key in keys]
            jobs = [new(unique=one) for one in rule]
            if chance.random() < 0.5:
                jobs.append(new("B"))
            with suppress(Duplicate):
                for key, job in zip([*keys, "beside"], await store.insert(jobs), strict=False):
                    stored[key] += not job.duplicate
        work.enqueuers -= 1
        return stored

    stored = sum(await race.run(act), Counter[str]())
    taken = one_at_a_time(await race.events(), OPEN_STATES)
    jobs = await race.every()
    assert Counter(job.binding for job in jobs) == {
        "A": sum(stored[key] for key in KEYS),
        "B": stored["beside"],
    }
    assert all(taken[key] >= stored[key] > 1 for key in KEYS)


@pytest.mark.parametrize("on_conflict", ["replace", "reschedule"])
async def test_what_replaces_or_moves_a_job_that_waits_is_never_lost(
    race: Race, on_conflict: Any
) -> None:
    await race.workers("A")
    await race.record()
    work = Work(CLIENTS - len(WORKERS), roughly=False)
    numbers = iter(range(100_000))

    async def act(store: Store, number: int, chance: Random) -> list[int]:
        if number in WORKERS:
            await work(race, store, number, chance)
            return []
        mine: list[int] = []
        for _ in range(ROUNDS):
            rule = UniqueKey(chance.choice(KEYS), WAITING_STATES, None, on_conflict)
            mine.append(next(numbers))
            (job,) = await store.insert([new(payload=str(mine[-1]), at_ms=mine[-1], unique=rule)])
            assert job.status is JobStatus.PENDING
            assert mine[-1] == (job.payload if on_conflict == "replace" else job.due_ms)
        work.enqueuers -= 1
        return mine

    given = {one for ones in await race.run(act) for one in ones}
    events = await race.events()
    one_at_a_time(events, WAITING_STATES[:1])
    seen = {
        event["due"] if on_conflict == "reschedule" else int(event["payload"]) for event in events
    }
    assert given <= seen


async def test_of_those_retried_and_enqueued_one_takes_the_key(race: Race) -> None:
    await race.record()
    for _ in range(15):
        rule = UniqueKey("a", OPEN_STATES)
        ended: list[Job] = []
        for _ in range(3):
            (job,) = await race.stores[0].insert([new(unique=rule)])
            await race.stores[0].apply([lifecycle.cancel(job)])
            ended += await race.stores[0].find([job.id])

        async def act(store: Store, number: int, chance: Random) -> int:
            if number % 2:
                return sum(await store.apply([lifecycle.retry(chance.choice(ended))]))  # noqa: B023
            (job,) = await store.insert([new(unique=rule)])  # noqa: B023
            return not job.duplicate

        assert sum(await race.run(act)) == 1
        (holder,) = [job for job in await race.every() if job.status in OPEN]
        await race.stores[0].apply([lifecycle.cancel(holder)])
    one_at_a_time(await race.events(), OPEN_STATES)


async def test_nobody_is_left_waiting_for_what_ends_meanwhile(race: Race) -> None:
    await race.workers("A")

    async def act(store: Store, number: int, chance: Random) -> list[str]:
        made: list[str] = []
        for _ in range(12):
            first = await store.insert([new() for _ in range(3)])
            running = await store.claim(f"w{number}", ["A"], 3)
            ids = [job.id for job in running] or [first[0].id]
            others = [race.stores[(number + n) % CLIENTS] for n in (1, 2, 3)]
            after = [new("B", after=tuple(ids[: chance.randint(1, 3)])) for _ in others]
            ends = [
                asyncio.ensure_future(store.apply([lifecycle.complete(job, None)]))
                for job in running
            ]
            inserted = [other.insert([job]) for other, job in zip(others, after, strict=True)]
            made += [job.id for (job,) in await asyncio.gather(*inserted)]
            await asyncio.gather(*ends)
        return made

    made = [id for ids in await race.run(act) for id in ids]
    # the tick has nothing to make up for
    held = {job.id for job in await race.stores[0].find(made) if job.due_ms == HELD_MS}
    waits = {
        id
        for (id,) in await race.rows(
            "SELECT job_id FROM races.dependency JOIN races.job_open ON job_open.id = on_id"
        )
    }
    assert held == waits
    assert await race.stores[0].repair() == 0
