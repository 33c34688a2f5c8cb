"""Sixteen clients at once: nothing is done twice, no limit is exceeded, by what the records say."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from tests.postgres.races import CLIENTS, Race, new, racing

from kiribi import lifecycle
from kiribi._carrier import step
from kiribi._recurring import fire
from kiribi._scheduled import ScheduleChange, ScheduleInfo
from kiribi.action import Action, ActionStatus
from kiribi.errors import IdConflict
from kiribi.job import FINAL, Job, JobError, JobStatus, Outcome, new_id
from kiribi.ports import BindingInfo, NewJob, Store
from kiribi.schedule import Every, Schedule, definition
from kiribi.search import JobFilter

BOOM = JobError("ValueError", "boom")


@pytest.fixture
def race(postgres_url: str, runner: asyncio.Runner) -> Iterator[Race]:
    entered = racing(postgres_url)
    yield runner.run(entered.__aenter__())
    runner.run(entered.__aexit__(None, None, None))


async def test_each_attempt_is_one_claim_and_has_one_outcome(race: Race) -> None:
    await race.workers("A")
    await race.stores[0].insert([new() for _ in range(1_000)])

    async def work(store: Store, number: int, chance: Random) -> list[str]:
        claimed: list[str] = []
        while await race.stores[0].next_due(["A"]) is not None or not claimed:
            jobs = await store.claim(f"w{number}", ["A"], chance.randint(1, 30))
            claimed += [job.id for job in jobs]
            changes = [
                lifecycle.fail(job, BOOM, max_attempts=3, delay=0)
                if chance.random() < 0.3
                else lifecycle.complete(job, number)
                for job in jobs
            ]
            # two settle: one of them in vain
            both = await asyncio.gather(store.apply(changes), store.apply(changes))
            assert [one + other for one, other in zip(*both, strict=True)] == [1] * len(jobs)
        return claimed

    claims = Counter(id for ids in await race.run(work) for id in ids)
    jobs = await race.every()
    assert {job.id: job.attempts for job in jobs} == claims
    for job in jobs:
        assert job.status in FINAL
        assert [attempt.number for attempt in job.history] == [*range(1, job.attempts + 1)]
        completed = [attempt.outcome for attempt in job.history].count(Outcome.COMPLETED)
        assert completed == (job.status is JobStatus.COMPLETED)


async def test_a_chosen_id_is_stored_once_whatever_becomes_of_its_job(race: Race) -> None:
    await race.workers("A")
    ids = [new_id() for _ in range(60)]

    async def enqueue(store: Store, number: int, chance: Random) -> Counter[str]:
        stored = Counter[str]()
        for id in chance.sample(ids, len(ids)):
            content = NewJob(id, "A", str(number % 2), chosen_id=True)
            with suppress(IdConflict):
                _, job = await store.insert([new("B"), content])
                stored[id] += not job.duplicate
                stored["beside"] += 1
                assert job.payload == number % 2
            ended = await store.claim(f"w{number}", ["A"], 1)
            await store.apply([lifecycle.complete(one, None) for one in ended])
        return stored

    stored = sum(await race.run(enqueue), Counter[str]())
    beside = stored.pop("beside")
    assert stored == dict.fromkeys(ids, 1)
    jobs = Counter(job.binding for job in await race.every())
    assert jobs == {"A": 60, "B": beside}
    counted = (await race.stores[0].pulse()).bindings
    assert {one.binding: sum(one.by_status.values()) for one in counted} == jobs


@pytest.mark.parametrize(
    ("limits", "keys", "most", "of_a_key"),
    [
        ({"concurrency": 5}, 0, 5, 0),
        ({"concurrency": 7, "concurrency_per_key": 2}, 5, 7, 2),
        ({}, 3, 3, 1),
    ],
)
async def test_never_do_more_run_than_may(
    race: Race, limits: dict[str, int], keys: int, most: int, of_a_key: int
) -> None:
    await race.workers("A")
    await race.stores[0].register([BindingInfo("A", limits=limits)])
    now = await race.stores[0].now_ms()
    running = Counter[str]()
    seen = {"all": 0, "key": 0}
    waiting = [CLIENTS * 20]

    def look() -> None:
        seen["all"] = max(seen["all"], running.total())
        seen["key"] = max(seen["key"], *running.values(), 0)

    async def work(store: Store, number: int, chance: Random) -> None:
        for _ in range(20):
            # whoever comes may be the first in the order: others have counted and offered before
            key = json.dumps({"concurrency_key": f"k{chance.randrange(keys)}"}) if keys else None
            await store.insert([new(options=key, at_ms=now - chance.randrange(100_000))])
            await claimed(store, number, chance)
        while waiting[0]:
            await claimed(store, number, chance)

    async def claimed(store: Store, number: int, chance: Random) -> None:
        jobs = await store.claim(f"w{number}", ["A"], chance.randint(1, 4))
        names = [job.options.get("concurrency_key", "") for job in jobs]
        running.update(names)
        look()
        # of the database, what runs at one moment
        told = await race.stores[(number + 1) % CLIENTS].count(
            JobFilter(bindings=("A",), statuses=(JobStatus.PROCESSING,))
        )
        seen["all"] = max(seen["all"], told.value)
        running.subtract(names)
        assert all(await store.apply([lifecycle.complete(job, None) for job in jobs]))
        waiting[0] -= len(jobs)

    await race.run(work)
    assert {job.status for job in await race.every()} == {JobStatus.COMPLETED}
    assert 1 < seen["all"] <= most
    assert not of_a_key or seen["key"] == of_a_key


async def test_no_more_start_than_the_rate_lets_pass(race: Race) -> None:
    await race.workers("A")
    rate = {"limit": 100, "per": 1.0, "burst": 20}
    of_a_key = {"limit": 50, "per": 1.0, "burst": 5}
    limits = {"rate_limit": rate, "rate_limit_per_key": of_a_key, "concurrency_per_key": 99}
    await race.stores[0].register([BindingInfo("A", limits=limits)])
    options = [json.dumps({"concurrency_key": f"k{n % 4}"}) for n in range(120)]
    await race.stores[0].insert([new(options=one) for one in options])

    async def work(store: Store, number: int, chance: Random) -> list[Job]:
        started: list[Job] = []
        while await race.open():
            jobs = await store.claim(f"w{number}", ["A"], chance.randint(1, 9))
            started += jobs
            await store.apply([lifecycle.complete(job, None) for job in jobs])
        return started

    started = [job for jobs in await race.run(work) for job in jobs]
    assert len(started) == 120
    assert_rate([job.started_ms or 0 for job in started], 20, 10)
    for key in range(4):
        mine = [job for job in started if job.options["concurrency_key"] == f"k{key}"]
        assert_rate([job.started_ms or 0 for job in mine], 5, 20)


def assert_rate(times: list[int], burst: int, interval_ms: int) -> None:
    """In no span of time do more start than the burst, and one for each interval of it."""
    times.sort()
    for first in range(len(times)):
        for last in range(first, len(times)):
            may = burst + (times[last] - times[first]) // interval_ms
            assert last - first + 1 <= may, (times[first : last + 1], may)


async def test_a_tick_is_one_job_whoever_looks(race: Race) -> None:
    long_ago = await race.stores[0].now_ms() - 20_000
    infos = [
        ScheduleInfo(
            f"s{number}",
            definition("A", Schedule(Every(1 + number % 3), missed="all"), "null"),
            long_ago,
        )
        for number in range(12)
    ]
    await race.stores[0].change_schedules([ScheduleChange(None, one) for one in infos])

    async def look(store: Store, number: int, chance: Random) -> list[Job]:
        made: list[Job] = []
        for _ in range(6):
            made += (await fire(store))[0]
        return made

    made = [job for jobs in await race.run(look) for job in jobs]
    assert not any(job.duplicate for job in made)
    ticks = Counter((job.options["schedule"], job.options["tick"]) for job in await race.every())
    assert ticks == Counter((job.options["schedule"], job.options["tick"]) for job in made)
    assert set(ticks.values()) == {1}
    for one in await race.stores[0].schedules():
        mine = [tick for name, tick in ticks if name == one.name]
        each = 1_000 * (1 + int(one.name[1:]) % 3)
        assert sorted(mine) == [*range(min(mine), (one.last_tick_ms or 0) + 1, each)]
        assert one.next_ms == max(mine) + each


async def test_of_those_who_change_a_schedule_one_succeeds(race: Race) -> None:
    async def count(store: Store, number: int, chance: Random) -> int:
        done = 0
        while done < 8:
            found = await store.schedules(["s"])
            was = found[0] if found else None
            payload = str(was.schedule.payload + 1 if was else 1)
            text = definition("A", Schedule(Every(3600)), payload)
            becomes = replace(was, definition=text) if was else ScheduleInfo("s", text, 1)
            job = new("A", payload)
            if await store.change_schedules([ScheduleChange(was, becomes, [job])]) is not None:
                done += 1
        return done

    await race.run(count)
    (one,) = await race.stores[0].schedules()
    assert one.schedule.payload == 8 * CLIENTS
    assert sorted(job.payload for job in await race.every()) == [*range(1, 8 * CLIENTS + 1)]


@pytest.mark.parametrize("kind", ["cancel", "delete"])
async def test_an_action_counts_what_it_has_done(race: Race, kind: str) -> None:
    await race.workers("A")
    await race.stores[0].insert([new() for _ in range(3_000)])
    filter = JobFilter(bindings=("A",), statuses=(JobStatus.PENDING,))
    id = new_id(await race.stores[0].now_ms() + 1_000)  # after all these jobs
    action = await race.stores[0].begin_action(Action(id, kind, filter.given(), "ann"), 0)

    async def act(store: Store, number: int, chance: Random) -> int:
        ended = 0
        while (now := await store.find_action(action.id)) and now.status is ActionStatus.RUNNING:
            if number < 2:  # both believe it theirs
                await step(store, now)
                continue
            jobs = await store.claim(f"w{number}", ["A"], chance.randint(1, 9))
            ended += sum(await store.apply([lifecycle.complete(job, None) for job in jobs]))
        return ended

    ended = sum(await race.run(act))
    now = await race.stores[0].find_action(action.id)
    assert now is not None
    left = Counter(job.status for job in await race.every())
    assert left[JobStatus.COMPLETED] == ended
    assert left[JobStatus.PENDING] == 0
    done = left[JobStatus.CANCELLED] if kind == "cancel" else 3_000 - left.total()
    assert now.done == done > 0
    assert now.matched == now.done + now.skipped + now.failed
    assert ended + done == 3_000


async def test_a_step_is_counted_once_whoever_carries_it_out(race: Race) -> None:
    await race.stores[0].insert([new() for _ in range(3_000)])
    id = new_id(await race.stores[0].now_ms() + 1_000)
    filter = JobFilter(bindings=("A",)).given()
    action = await race.stores[0].begin_action(Action(id, "retry", filter, "ann"), 0)

    async def act(store: Store, number: int, chance: Random) -> int:
        steps = 0
        while (now := await store.find_action(action.id)) and now.status is ActionStatus.RUNNING:
            steps += await step(store, now) is not None
        return steps

    steps = await race.run(act)
    now = await race.stores[0].find_action(action.id)
    assert now is not None
    assert (now.matched, now.done, now.skipped, now.step) == (3_000, 0, 3_000, sum(steps))
