"""Schedules: changed by compare-and-set only; a tick makes one job, whoever looks."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.conftest import Open, Share
from tests.conformance.test_races import raced
from tests.conformance.world import START, Clock, World

from kiribi import lifecycle
from kiribi._recurring import OWN_TIME_MS, _warn, fire, scheduled_job
from kiribi._scheduled import ScheduleChange, ScheduleInfo
from kiribi.job import Job, JobStatus, id_ms
from kiribi.ports import Store, WorkerInfo
from kiribi.schedule import MOST_MISSED, Cron, Every, Schedule, When, definition
from kiribi.search import JobFilter

MINUTE = 60_000
DAY = 86_400_000


def info(
    name: str = "s", when: When | None = None, payload: str = "null", **fields: Any
) -> ScheduleInfo:
    when = Every(60) if when is None else when
    known = {field: fields.pop(field) for field in ("declared", "paused") if field in fields}
    text = definition("A", Schedule(when, **fields), payload)
    return ScheduleInfo(
        name, text, None if known.get("paused") else when.next_after(START), **known
    )


async def create(store: Store, *schedules: ScheduleInfo) -> None:
    assert await store.change_schedules([ScheduleChange(None, one) for one in schedules]) == []


async def worker(world: World, id: str, *declared: ScheduleInfo) -> None:
    """A worker that lives until it is buried, and what its code declares."""
    await world.store.enlist(WorkerInfo(id, bindings=("A",), slots=4), 100 * DAY)
    if declared:
        await world.store.declare(id, declared)


async def one(store: Store, name: str = "s") -> ScheduleInfo:
    [found] = await store.schedules([name])
    return found


def ticks(jobs: list[Job]) -> list[int]:
    return [job.options["tick"] for job in jobs]


async def all_jobs(store: Store) -> list[Job]:
    jobs: list[Job] = []
    before = None
    while True:
        page = await store.search(JobFilter(), before=before, limit=1_000)
        jobs += await store.find([job.id for job in page.jobs])
        if page.next is None:
            return jobs
        before = page.next


# Rows


async def test_made_found_listed_changed_deleted(world: World) -> None:
    store = world.store
    await create(store, info("b"), info("a", Cron("0 9 * * *", "Asia/Tokyo"), '{"n":1}'))
    found = await store.schedules()
    assert [each.name for each in found] == ["a", "b"]
    assert (found[0].binding, found[0].schedule.payload) == ("A", {"n": 1})
    assert found[0].schedule.when == Cron("0 9 * * *", "Asia/Tokyo")
    assert found[0].created_ms == START
    assert [each.name for each in await store.schedules(after="a")] == ["b"]
    assert [each.name for each in await store.schedules(limit=1)] == ["a"]
    assert [each.name for each in await store.schedules(["b", "c"])] == ["b"]

    paused = replace(found[0], next_ms=None, paused=True)
    assert await store.change_schedules([ScheduleChange(found[0], paused)]) == []
    assert await one(store, "a") == paused
    assert await store.change_schedules([ScheduleChange(paused, None)]) == []
    assert [each.name for each in await store.schedules()] == ["b"]


async def test_only_as_it_was_and_all_or_none(world: World) -> None:
    store = world.store
    await create(store, info("a"), info("b"))
    a, b = await store.schedules()
    moved = replace(a, next_ms=a.next_ms and a.next_ms + 1)
    stale = [
        ScheduleChange(None, info("a")),  # there is one
        ScheduleChange(info("c"), None),  # there is none
        ScheduleChange(replace(a, next_ms=1), moved),
        ScheduleChange(replace(a, next_ms=None), moved),
        ScheduleChange(replace(a, paused=True), moved),
        ScheduleChange(replace(a, definition=info("a", Every(61)).definition), moved),
    ]
    for change in stale:
        drop = ScheduleChange(b, None, [scheduled_job(b, None, START)])
        assert await store.change_schedules([drop, change]) is None
        assert await store.schedules() == [a, b]
    assert await all_jobs(store) == []


async def test_nothing_is_due(world: World) -> None:
    seen = await world.store.due_schedules(10)
    assert (seen.now_ms, list(seen.schedules), list(seen.anew)) == (START, [], [])
    assert await fire(world.store) == ([], 1.0)


# Firing


async def test_a_tick_makes_a_job(world: World) -> None:
    store = world.store
    schedule = Schedule(Every(60), options={"max_attempts": 7, "priority": 3})
    text = definition("A", schedule, '{"to":"ann"}')
    tick = Every(60).next_after(START)
    await create(store, ScheduleInfo("report", text, tick))
    world.clock.now = tick - 400
    assert await fire(store) == ([], 0.4)
    world.clock.now = tick + 50
    [job], _ = await fire(store)
    assert (job.binding, job.payload, job.priority, job.due_ms) == (
        "A",
        {"to": "ann"},
        3,
        tick + 50,
    )
    assert job.options == {"max_attempts": 7, "priority": 3, "schedule": "report", "tick": tick}
    assert id_ms(job.id) == tick
    assert not job.duplicate
    after = await one(store, "report")
    assert (after.next_ms, after.last_tick_ms) == (tick + MINUTE, tick)
    assert (after.last_job, after.last_status) == (job.id, JobStatus.PENDING)
    assert (await fire(store))[0] == []
    assert (await store.find([job.id]))[0].options == job.options


async def test_what_is_far_behind_gets_ids_of_now(world: World) -> None:
    await create(world.store, info(missed="all"))
    world.clock.now = Every(60).next_after(START) + 2 * MINUTE + 10
    jobs, _ = await fire(world.store)
    assert [world.clock.now - tick > OWN_TIME_MS for tick in ticks(jobs)] == [True, True, False]
    assert [id_ms(job.id) == world.clock.now for job in jobs] == [True, True, False]
    assert (await one(world.store)).last_job == jobs[-1].id


@pytest.mark.parametrize(("missed", "made"), [("once", 1), ("all", MOST_MISSED), ("skip", 1)])
async def test_after_years_of_silence(world: World, missed: str, made: int) -> None:
    await create(world.store, info(missed=missed))
    world.clock.advance(1_000 * DAY + 5)
    jobs, _ = await fire(world.store)
    last = world.clock.now // MINUTE * MINUTE
    assert ticks(jobs) == [last - MINUTE * back for back in reversed(range(made))]
    assert (await one(world.store)).next_ms == last + MINUTE


async def test_skip_runs_none_that_is_old(world: World) -> None:
    await create(world.store, info(when=Every(3600), missed="skip"))
    first = (await one(world.store)).next_ms or 0
    world.clock.now = first + 61_000
    assert (await fire(world.store))[0] == []
    assert (await one(world.store)).next_ms == first + 3_600_000


async def test_without_overlap_a_tick_waits_for_none(world: World) -> None:
    store = world.store
    await create(store, info(overlap=False))
    await worker(world, "w1")
    world.clock.advance(MINUTE)
    [job], _ = await fire(store)
    world.clock.advance(MINUTE)
    assert (await fire(store))[0] == []
    assert (await one(store)).last_job == job.id
    [running] = await store.claim("w1", ["A"], 1)
    await store.apply([lifecycle.complete(running, None)])
    world.clock.advance(MINUTE)
    [again], _ = await fire(store)
    assert again.options["tick"] == job.options["tick"] + 2 * MINUTE


async def test_without_overlap_also_if_it_was_reopened_since(world: World) -> None:
    store = world.store
    await create(store, info(overlap=False))
    await worker(world, "w1")
    world.clock.advance(MINUTE)
    await fire(store)
    [running] = await store.claim("w1", ["A"], 1)
    await store.apply([lifecycle.complete(running, None)])
    seen = await one(store)
    [done] = await store.find([running.id])
    await store.apply([lifecycle.retry(done)])
    job = scheduled_job(seen, None, START)
    assert await store.change_schedules([ScheduleChange(seen, seen, [job])]) is None
    assert await store.find([job.id]) == []


async def test_a_schedule_made_again_does_not_run_its_tick_again(world: World) -> None:
    store = world.store
    first = info()
    await create(store, first)
    world.clock.now = (first.next_ms or 0) + 10
    [job], _ = await fire(store)
    for again in (first, info(payload='"other"')):
        await store.change_schedules([ScheduleChange(await one(store), again)])
        jobs, _ = await fire(store)
        assert [each.duplicate for each in jobs] == ([True] if again is first else [])
        assert (await one(store)).next_ms == (first.next_ms or 0) + MINUTE
    assert await all_jobs(store) == [job]


async def test_very_many_at_the_same_time(world: World) -> None:
    names = [f"tenant-{number:04}" for number in range(350)]
    await create(world.store, *(info(name, payload=f'"{name}"') for name in names))
    world.clock.advance(MINUTE)
    jobs, _ = await fire(world.store)
    assert sorted(job.payload for job in jobs) == names


async def test_paused_ones_are_left_alone(world: World) -> None:
    await create(world.store, info(paused=True))
    world.clock.advance(DAY)
    assert await fire(world.store) == ([], 1.0)


async def test_a_zone_that_is_not_known_here_holds_up_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    _warn.cache_clear()
    text = info("far", Cron("* * * * *", "Asia/Tokyo")).definition
    await create(world.store, info(), info("far", Cron("* * * * *", "Asia/Tokyo")))
    far = await one(world.store, "far")
    unknown = replace(far, definition=text.replace("Tokyo", "Atlantis"))
    await world.store.change_schedules([ScheduleChange(far, unknown)])
    world.clock.advance(2 * MINUTE)
    jobs, _ = await fire(world.store)
    assert [job.options["schedule"] for job in jobs] == ["s"]
    assert "schedule far cannot be run here: tz: 'Asia/Atlantis'" in caplog.text


# Races


async def test_each_tick_once_however_many_look(world: World, share: Share) -> None:
    schedules = [info(f"s{number}", Every(1 + number % 3), missed="all") for number in range(30)]
    await create(world.store, *schedules)
    world.clock.advance(50_000)
    end = world.clock.now

    async def look(store: Store, number: int) -> list[Job]:
        clock = store._clock  # type: ignore[attr-defined]
        if hasattr(clock, "now"):
            clock.now = max(clock.now, end - (number % 4) * 9_000)
        jobs, _ = await fire(store)
        if hasattr(clock, "now"):
            clock.now = end
        return jobs + (await fire(store))[0]

    made = [job for jobs in await raced(share, world.store, look) for job in jobs]
    assert not any(job.duplicate for job in made)
    counted = Counter((job.options["schedule"], job.options["tick"]) for job in made)
    expected = {
        (each.name, tick)
        for each in schedules
        for tick in takewhile(lambda tick: tick <= end, each.schedule.when.ticks(START))
    }
    assert set(counted) == expected
    assert set(counted.values()) == {1}
    assert {job.id for job in await all_jobs(world.store)} == {job.id for job in made}


async def test_of_many_who_make_it_one_does(world: World, share: Share) -> None:
    async def make(store: Store, number: int) -> bool:
        mine = info(payload=str(number))
        return await store.change_schedules([ScheduleChange(None, mine)]) == []

    assert sorted(await raced(share, world.store, make))[-2:] == [False, True]


# Declared in code


async def test_declared_ones_run_while_somebody_declares_them(world: World) -> None:
    store, code = world.store, info(declared=True)
    await worker(world, "old", code)
    world.clock.advance(MINUTE)
    assert len((await fire(store))[0]) == 1
    await store.bury({"old": "gone"})
    world.clock.advance(10 * MINUTE)
    assert (await fire(store))[0] == []
    assert list((await store.due_schedules(9)).schedules) == []
    await store.dismiss("old")

    await worker(world, "new", code)
    assert len((await fire(store))[0]) == 1  # what was missed: once
    world.clock.advance(200 * DAY)
    assert (await fire(store))[0] == []  # its lease lapsed


async def test_declared_again_it_stays_as_it_is(world: World) -> None:
    store, code = world.store, info(declared=True)
    await worker(world, "old", code)
    world.clock.advance(MINUTE)
    await fire(store)
    paused = replace(await one(store), paused=True, next_ms=None)
    await store.change_schedules([ScheduleChange(await one(store), paused)])
    await worker(world, "new", code)
    assert replace(await one(store), last_status=None) == replace(paused, last_status=None)


async def test_what_was_made_by_a_call_is_not_the_codes(world: World) -> None:
    made = info(payload="1")
    await create(world.store, made)
    await worker(world, "w1", info(payload="2", declared=True))
    await fire(world.store)
    found = await one(world.store)
    assert (found.definition, found.declared) == (made.definition, False)


async def test_old_and_new_code_at_once(world: World) -> None:
    """The old form holds until the last of its workers has gone; no tick is lost or doubled."""
    store = world.store
    old, new = info(declared=True, payload='"old"'), info(declared=True, payload='"new"')
    made: list[Job] = []

    async def minutes(number: int) -> set[Any]:
        jobs: list[Job] = []
        for _ in range(number * 3):
            world.clock.advance(MINUTE // 3)
            jobs += (await fire(store))[0]
        made.extend(jobs)
        return {job.payload for job in jobs}

    await worker(world, "old1", old)
    await worker(world, "old2", old)
    assert await minutes(2) == {"old"}
    await worker(world, "new1", new)
    assert await minutes(2) == {"old"}
    await store.bury({"old1": "deployed"})
    await worker(world, "old3", old)  # of old code, started late
    assert await minutes(2) == {"old"}
    await store.bury({"old2": "deployed", "old3": "deployed"})
    assert await minutes(2) == {"new"}
    await worker(world, "old4", old)  # a straggler changes nothing any more
    assert await minutes(2) == {"new"}
    first = made[0].options["tick"]
    assert ticks(made) == [first + MINUTE * number for number in range(len(made))]


async def test_a_new_form_takes_the_place_within_one_look(world: World) -> None:
    """Also where the old one would not have been due for long."""
    store = world.store
    await worker(world, "old", info(when=Cron("0 0 1 1 *"), declared=True))
    await store.bury({"old": "saved"})
    await worker(world, "new", info(when=Every(60), declared=True))
    world.clock.advance(1)
    await fire(store)
    assert (await one(store)).next_ms == Every(60).next_after(world.clock.now)


async def test_a_new_form_makes_up_for_what_the_old_one_missed(world: World) -> None:
    store = world.store
    await worker(world, "old", info(when=Every(3600), declared=True))
    due = (await one(store)).next_ms or 0
    await store.bury({"old": "stopped"})
    world.clock.now = due + 10 * MINUTE
    await world.worker("new")
    changed = info(when=Every(3600), payload='"new"', declared=True)
    await store.declare("new", [replace(changed, next_ms=due + 3_600_000)])
    jobs, _ = await fire(store)
    assert [(job.payload, job.options["tick"]) for job in jobs] == [("new", due)]


async def test_a_worker_that_is_not_known_declares_nothing(world: World) -> None:
    await world.store.declare("nobody", [info(declared=True)])
    world.clock.advance(MINUTE)
    assert (await fire(world.store))[0] == []


# A month and its mishaps


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.integers(-7_200_000, 3 * DAY), min_size=10, max_size=40))
def test_a_month_of_stops_and_jumps(fresh: Open, runner: asyncio.Runner, steps: list[int]) -> None:
    """Looks at random times, by a clock that also goes back: `all` loses none, doubles none."""
    whens = [
        Every(3600),
        Every(7_001.5),
        Cron("30 2 * * *", "Europe/Berlin"),
        Cron("*/45 * * * *", "Australia/Lord_Howe"),
        Cron("0 9 * * 1-5", "Asia/Tokyo"),
    ]

    async def month() -> None:
        clock = Clock()
        store = await fresh(clock)
        await create(store, *(info(str(at), when, missed="all") for at, when in enumerate(whens)))
        made: list[Job] = []
        for step in steps:
            clock.advance(step)
            made += (await fire(store))[0]
        latest = max(START, *(job.options["tick"] for job in made)) if made else START
        for at, when in enumerate(whens):
            ran = [job.options["tick"] for job in made if job.options["schedule"] == str(at)]
            end = max(ran, default=START)
            assert ran == list(takewhile(lambda tick: tick <= end, when.ticks(START)))  # noqa: B023
            found = await one(store, str(at))
            assert found.next_ms == when.next_after(max(end, (found.next_ms or 0) - 1))
        assert latest <= START + sum(max(step, 0) for step in steps)
        assert len({job.id for job in made}) == len(made)
        await store.close()

    runner.run(month())


def test_the_definition_is_json() -> None:
    assert json.loads(info(when=Cron("0 9 * * *", "Asia/Tokyo")).definition) == {
        "binding": "A",
        "cron": "0 9 * * *",
        "tz": "Asia/Tokyo",
        "missed": "once",
        "overlap": True,
        "options": {},
        "payload": None,
    }
