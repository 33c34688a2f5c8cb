"""Recurring jobs as an application makes, declares and steers them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kiribi import (
    Cron,
    Every,
    InvalidInput,
    InvalidPayload,
    Kiribi,
    Performer,
    Schedule,
    ScheduleConflict,
    ScheduleNotFound,
    UnknownBinding,
)
from kiribi.job import JobStatus
from kiribi.performer import schedules_of
from kiribi.testing import FakeClock, connected, drain

NINE = Cron("0 9 * * *", "Asia/Tokyo")


@dataclass
class Ask:
    topic: str


class Report(Performer):
    def perform(self, payload: Ask) -> str:
        at = self.job.tick_at
        return f"{payload.topic} {at:%d %H:%M}" if at else payload.topic


class Daily(Performer):
    schedule = NINE

    async def perform(self, payload: None) -> str | None:
        return self.job.schedule


class Often(Performer):
    schedule = (
        Schedule(Every(600), {"topic": "a"}, "a", missed="all"),
        Schedule(Every(3600), {"topic": "b"}, "b", options={"max_attempts": 1, "priority": 2}),
    )

    async def perform(self, payload: Ask) -> str:
        return payload.topic


@asynccontextmanager
async def world(*performers: type[Performer]) -> AsyncIterator[tuple[Kiribi, FakeClock]]:
    clock = FakeClock(datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC))
    async with connected(performers=performers, clock=clock) as kiribi:
        yield kiribi, clock


# By calls


async def test_made_at_run_time_it_runs() -> None:
    async with world(Report) as (kiribi, clock):
        made = await kiribi.schedules.create("digest", Report, Schedule(NINE, Ask("news")))
        assert (made.name, made.binding, made.declared) == ("digest", "REPORT", False)
        assert made.schedule == Schedule(NINE, {"topic": "news"})
        assert made.next_ms == int(datetime(2030, 1, 2, 0, 0, tzinfo=UTC).timestamp() * 1000)
        assert await drain(kiribi) == []
        clock.advance(12 * 3600)
        [job] = await drain(kiribi)
        assert (job.result, job.schedule) == ("news 02 00:00", "digest")
        found = await kiribi.schedules.find("digest")
        assert found is not None
        assert (found.last_job, found.last_status) == (job.id, JobStatus.COMPLETED)


async def test_made_again_it_is_the_same_else_refused() -> None:
    async with world(Report) as (kiribi, clock):
        made = await kiribi.schedules.create("digest", Report, Schedule(NINE, Ask("news")))
        clock.advance(3600)
        again = await kiribi.schedules.create("digest", "REPORT", Schedule(NINE, {"topic": "news"}))
        assert again == made
        with pytest.raises(ScheduleConflict, match="cannot create schedule 'digest': there is one"):
            await kiribi.schedules.create("digest", Report, Schedule(Every(60), Ask("news")))
        assert await kiribi.schedules.find_many() == [made]


async def test_edited() -> None:
    async with world(Report) as (kiribi, clock):
        made = await kiribi.schedules.create("digest", Report, Schedule(NINE, Ask("news")))
        edited = await kiribi.schedules.edit(
            "digest", replace(made.schedule, payload=Ask("more"), missed="skip")
        )
        assert (edited.next_ms, edited.schedule.payload) == (made.next_ms, {"topic": "more"})
        sooner = await kiribi.schedules.edit("digest", replace(edited.schedule, when=Every(60)))
        assert sooner.next_ms == clock() + 30_000
        clock.advance(30)
        assert [job.result for job in await drain(kiribi)] == ["more 01 12:01"]
        with pytest.raises(InvalidPayload):
            await kiribi.schedules.edit("digest", Every(60))
        with pytest.raises(ScheduleNotFound, match="schedule 'other' does not exist"):
            await kiribi.schedules.edit("other", Every(60))


async def test_edited_while_the_clock_is_behind_no_tick_comes_twice() -> None:
    async with world(Report) as (kiribi, clock):
        schedule = Schedule(Every(60), Ask("x"))
        await kiribi.schedules.create("digest", Report, schedule)
        clock.advance(35)
        [job] = await drain(kiribi)
        clock.advance(-20)
        edited = await kiribi.schedules.edit("digest", replace(schedule, when=Every(30)))
        assert edited.next_ms == job.options["tick"] + 30_000


async def test_paused_ticks_are_left_out() -> None:
    async with world(Report) as (kiribi, clock):
        await kiribi.schedules.create("digest", Report, Schedule(Every(60), Ask("x"), missed="all"))
        paused = await kiribi.schedules.pause("digest")
        assert (paused.paused, paused.next_ms) == (True, None)
        assert await kiribi.schedules.pause("digest") == paused
        assert await kiribi.schedules.next("digest") == []
        clock.advance(3600)
        assert await drain(kiribi) == []
        resumed = await kiribi.schedules.resume("digest")
        assert (resumed.paused, resumed.next_ms) == (False, clock() + 30_000)
        assert await kiribi.schedules.resume("digest") == resumed
        clock.advance(30)
        assert len(await drain(kiribi)) == 1


async def test_paused_and_edited_it_stays_paused() -> None:
    async with world(Report) as (kiribi, _):
        await kiribi.schedules.create("digest", Report, Schedule(Every(60), Ask("x")))
        await kiribi.schedules.pause("digest")
        edited = await kiribi.schedules.edit("digest", Schedule(Every(5), Ask("x")))
        assert (edited.paused, edited.next_ms) == (True, None)


async def test_run_now() -> None:
    async with world(Report) as (kiribi, _):
        options = {"max_attempts": 2, "priority": 4, "concurrency_key": "x"}
        schedule = Schedule(NINE, Ask("x"), overlap=False, options=options)
        made = await kiribi.schedules.create("digest", Report, schedule)
        await kiribi.schedules.pause("digest")
        job = await kiribi.schedules.run_now("digest")
        assert (job.options, job.priority) == ({**options, "schedule": "digest"}, 4)
        assert job.tick_at is None
        with pytest.raises(ScheduleConflict, match=f"cannot run .* job {job.id} is PENDING"):
            await kiribi.schedules.run_now("digest")
        [done] = await drain(kiribi)
        assert (done.id, done.result) == (job.id, "x")
        assert (await kiribi.schedules.resume("digest")).next_ms == made.next_ms
        with pytest.raises(ScheduleNotFound):
            await kiribi.schedules.run_now("other")


async def test_deleted() -> None:
    async with world(Report) as (kiribi, clock):
        await kiribi.schedules.create("digest", Report, Schedule(Every(60), Ask("x")))
        await kiribi.schedules.delete("digest")
        assert await kiribi.schedules.find("digest") is None
        clock.advance(3600)
        assert await drain(kiribi) == []
        with pytest.raises(ScheduleNotFound):
            await kiribi.schedules.delete("digest")


async def test_the_next_times_are_in_its_own_zone() -> None:
    async with world(Report) as (kiribi, _):
        await kiribi.schedules.create("digest", Report, Schedule(NINE, Ask("x")))
        times = await kiribi.schedules.next("digest")
        assert [time.isoformat() for time in times] == [
            f"2030-01-0{day}T09:00:00+09:00" for day in (2, 3, 4, 5, 6)
        ]
        assert len(await kiribi.schedules.next("digest", 30)) == 30
        with pytest.raises(InvalidInput, match=r"^number: 0"):
            await kiribi.schedules.next("digest", 0)


async def test_where_only_the_store_knows_the_binding() -> None:
    async with world() as (kiribi, clock):
        await kiribi.schedules.create("later", "ELSEWHERE", Schedule(Every(60), [1]))
        clock.advance(60)
        await kiribi.tick()
        [job] = (await kiribi.find_many()).jobs
        assert (job.binding, job.payload) == ("ELSEWHERE", [1])


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        (("1st", "REPORT", NINE), InvalidInput, "name"),
        (("", "REPORT", NINE), InvalidInput, "name"),
        ((None, "REPORT", NINE), InvalidInput, "name"),
        (("x" * 300, "REPORT", NINE), InvalidInput, "name"),
        (("x", "REPROT", NINE), UnknownBinding, "binding"),
        (("x", "REPORT", NINE), InvalidPayload, "payload"),
        (("x", "REPORT", "0 9 * * *"), InvalidInput, "schedule"),
        (("x", "REPORT", Schedule(NINE, name="y")), InvalidInput, "schedule.name"),
        (("x", "REPORT", Schedule(NINE, options={"at": 1})), InvalidInput, "options"),
        (("x", "REPORT", Schedule(NINE, options={"priority": 10})), InvalidInput, "priority"),
    ],
)
async def test_mistakes(arguments: Any, error: type[InvalidInput], field: str) -> None:
    async with world(Report) as (kiribi, _):
        with pytest.raises(error) as raised:
            await kiribi.schedules.create(*arguments)
        assert raised.value.field == field
        assert await kiribi.schedules.find_many() == []


# Declared


async def test_declared_on_the_performer() -> None:
    async with world(Daily, Often) as (kiribi, clock):
        assert await drain(kiribi) == []
        found = {info.name: info for info in await kiribi.schedules.find_many()}
        assert set(found) == {"DAILY", "OFTEN.a", "OFTEN.b"}
        assert all(info.declared for info in found.values())
        assert found["OFTEN.b"].schedule.options == {"max_attempts": 1, "priority": 2}
        clock.advance(1800)
        assert sorted(job.result for job in await drain(kiribi)) == ["a", "a", "a"]
        clock.advance(12 * 3600)
        jobs = await drain(kiribi)
        assert sorted({job.result for job in jobs}) == ["DAILY", "a", "b"]
        assert len([job for job in jobs if job.result == "a"]) == 72
        assert len([job for job in jobs if job.result == "b"]) == 1


async def test_declared_ones_are_edited_and_deleted_in_the_code() -> None:
    async with world(Daily) as (kiribi, clock):
        await kiribi.tick()
        with pytest.raises(ScheduleConflict, match=r"cannot edit .* declared in code"):
            await kiribi.schedules.edit("DAILY", Every(60))
        with pytest.raises(ScheduleConflict, match=r"cannot delete .* live workers declare it"):
            await kiribi.schedules.delete("DAILY")
        with pytest.raises(ScheduleConflict, match="there is one of this name"):
            await kiribi.schedules.create("DAILY", Daily, NINE)
        await kiribi.schedules.pause("DAILY")
        clock.advance(24 * 3600)
        assert await drain(kiribi) == []
        await kiribi.schedules.delete("DAILY")  # nobody declares it now
        assert await kiribi.schedules.find_many() == []


async def test_a_tick_without_workers_stands_for_its_code() -> None:
    """As a platform's cron trigger calls it each minute."""
    async with world(Daily) as (kiribi, clock):
        for _ in range(24 * 60):
            await kiribi.tick()
            kiribi.schedules._held_until = 0  # another invocation
            clock.advance(60)
        [job] = (await kiribi.find_many()).jobs
        assert job.schedule == "DAILY"
        assert (await kiribi.pulse()).workers == 0
        assert len(await kiribi.workers()) == 1


async def test_declared_by_the_names_of_the_store() -> None:
    assert schedules_of(Daily) == {"DAILY": Schedule(NINE)}
    assert list(schedules_of(Often)) == ["OFTEN.a", "OFTEN.b"]


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("0 9 * * *", "Wrong.schedule: '0 9 \\* \\* \\*' is not allowed; give Cron"),
        ([Every(60), "x"], "Wrong.schedule: 'x' is not allowed; give Cron"),
        ([Every(60), Every(5)], "Wrong.schedule name: '' is not allowed; give each a name"),
        ([Schedule(Every(60), name="a b")], "Wrong.schedule name: 'a b' is not allowed"),
        (Schedule(Every(60), options={"id": 1}), "options: 'id' is not allowed; known are max"),
    ],
)
def test_wrong_at_the_definition(schedule: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        type("Wrong", (Report,), {"schedule": schedule})


async def test_a_declared_payload_that_does_not_fit_is_told_where() -> None:
    wrong = type("Wrong", (Report,), {"schedule": Every(60)})
    async with world(wrong) as (kiribi, _):
        with pytest.raises(InvalidPayload) as error:
            await drain(kiribi)
        assert error.value.__notes__ == ["It is of Wrong.schedule."]
