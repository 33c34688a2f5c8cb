"""What other Workers call, on SQLite; `tests/workers` calls it over RPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kiribi import (
    ActionNotFound,
    Conflict,
    Discard,
    Every,
    InvalidInput,
    JobNotFound,
    Kiribi,
    Performer,
    ScheduleConflict,
    ScheduleNotFound,
)
from kiribi.runtimes.remote import REMOTE, Remote
from kiribi.testing import drain

NOT_FOR_OTHERS = {
    *("connect", "bind", "close", "lifespan", "start", "register", "tick", "carry", "hooked"),
    *(
        "on_success",
        "on_failure",
        "on_schedule",
        "on_request",
        "redact",
        "pulse",
        "sweep_steps",
        "ring",
    ),
}


class Sum(Performer):
    schedule = Every(3600)

    async def perform(self, payload: Any) -> Any:
        self.log("adding")
        if payload is None:
            raise Discard("nothing to add")
        return sum(payload)


@asynccontextmanager
async def remote(folder: Path) -> AsyncGenerator[tuple[Remote, Kiribi]]:
    async with Kiribi.connect(f"sqlite:///{folder}/jobs.db", performers=[Sum]) as kiribi:
        await kiribi.register(["SUM"])
        yield Remote(kiribi), kiribi


async def test_the_options_of_typescript(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, _):
        rule = {"key": "k", "within": 60, "onConflict": "replace"}
        first = await called.enqueue("SUM", [1], {"unique": rule, "firstDelay": 60})
        again = await called.enqueue("SUM", [2], {"unique": rule, "firstDelay": 60})
        assert (again["id"], again["payload"]) == (first["id"], [2])
        second = await called.enqueue("SUM", [3], {"after": first["id"], "afterFailed": "run"})
        options = {"concurrencyKey": "c", "after": [first["id"], second["id"]]}
        third = await called.find((await called.enqueue("SUM", [4], options))["id"])
        assert third["params"] == options


async def test_figures_have_times(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, kiribi):
        await called.enqueue_many([["SUM", [1]], ["SUM", None]])
        await drain(kiribi)
        [stats] = await called.stats({"hours": 1, "bindings": ["SUM"]})
        assert (stats["completed"], stats["failed"], stats["failureRate"]) == (1, 1, 0.5)
        [failure] = await called.failures({"limit": 1})
        assert (failure["type"], failure["count"]) == ("Discard", 1)
        for time in (stats["since"], failure["firstAt"], failure["lastAt"]):
            assert isinstance(time, datetime)
            assert time.utcoffset() == timedelta()


@pytest.mark.parametrize("method", ["stats", "failures", "find_many", "sweep"])
async def test_what_is_not_to_be_asked_is_refused_by_name(tmp_path: Path, method: str) -> None:
    async with remote(tmp_path) as (called, _):
        with pytest.raises(InvalidInput, match="'hour'"):
            await getattr(called, method)({"hour": 1})
        with pytest.raises(InvalidInput, match="give an object with any of"):
            await getattr(called, method)(24)


def test_each_method_of_the_manager_is_for_others_or_is_not() -> None:
    methods = {name for name in dir(Kiribi) if name[0] != "_" and callable(getattr(Kiribi, name))}
    schedules = {name for name in REMOTE if "chedule" in name or "icks" in name}
    python = {name for name in REMOTE if name == REMOTE[name]}
    assert methods - NOT_FOR_OTHERS == python - schedules
    assert all(callable(getattr(Remote, method)) for method in REMOTE.values())
    assert not NOT_FOR_OTHERS & REMOTE.keys()


async def test_a_batch(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, kiribi):
        batch = await called.enqueue_batch([["SUM", [1]], ["SUM", None]], ["SUM", [0]])
        assert (batch["total"], batch["ended"]) == (2, 0)
        assert isinstance(batch["callback"]["createdAt"], datetime)
        await drain(kiribi)
        batch = await called.batch(batch["id"])
        assert (batch["progress"], batch["counts"]) == (1, {"COMPLETED": 1, "FAILED": 1})
        assert batch["callback"]["status"] == "COMPLETED"
        with pytest.raises(InvalidInput, match="then"):
            await called.enqueue_batch([], {"binding": "SUM"})


async def test_a_log(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, kiribi):
        id = (await called.enqueue("SUM", [1]))["id"]
        await drain(kiribi)
        [line] = await called.logs(id)
        assert (line["message"], line["attempt"]) == ("adding", 1)
        assert isinstance(line["at"], datetime)
        assert await called.logs(id, {"after": line["seq"], "limit": 1}) == []


async def test_a_unique_key(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, _):
        plain = (await called.enqueue("SUM", [1]))["id"]
        assert await called.unique_key(plain) is None
        id = (await called.enqueue("SUM", [1], {"unique": {"key": "k", "within": 60}}))["id"]
        held = await called.unique_key(id)
        assert held
        assert (held["key"], held["holder"]) == ('{"key":"k"}', id)
        assert isinstance(held["heldUntil"], datetime)
        with pytest.raises(JobNotFound):
            await called.unique_key("gone")


async def test_limits_and_who_is_there(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, _):
        limits = {"concurrencyPerKey": 1, "rateLimit": {"limit": 5, "per": 60}}
        await called.limit("SUM", limits)
        [sums] = await called.bindings()
        assert sums["overrides"] == {
            "concurrencyPerKey": 1,
            "rateLimit": {**limits["rateLimit"], "burst": 1},
        }
        await called.limit("SUM", {"rate_limit": None})
        assert (await called.bindings())[0]["overrides"]["rateLimit"] is None
        await called.reset_limits("SUM")
        assert (await called.bindings())[0]["overrides"] == {}
        with pytest.raises(InvalidInput, match="'rate'"):
            await called.limit("SUM", {"rate": 5})
        assert await called.workers() == []


async def test_bulk_actions(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, kiribi):
        jobs = await called.enqueue_many([["SUM", [n], {"firstDelay": 60}] for n in range(3)])
        before = {"binding": "SUM", "createdBefore": datetime(2999, 1, 1)}  # noqa: DTZ001 - as JavaScript's arrive
        begun = await called.start_action("cancel", before, {"who": "ada"})
        assert (begun["status"], begun["who"]) == ("RUNNING", "ada")
        assert begun["filter"]["createdBefore"].year == 2999
        await kiribi.tick()
        ended = await called.action(begun["id"])
        assert (ended["status"], ended["done"]) == ("DONE", 3)
        assert isinstance(ended["finishedAt"], datetime)
        assert [(await called.find(job["id"]))["status"] for job in jobs] == ["CANCELLED"] * 3
        with pytest.raises(Conflict):
            await called.abort(begun["id"])
        again = await called.start_action("delete", {"binding": "SUM"})
        assert (await called.abort(again["id"]))["status"] == "ABORTED"
        assert [one["id"] for one in await called.actions()] == [again["id"], begun["id"]]
        older = await called.actions({"before": again["id"], "limit": 1})
        assert [one["id"] for one in older] == [begun["id"]]
        with pytest.raises(ActionNotFound):
            await called.action(jobs[0]["id"])


async def test_schedules(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, _):
        asked = {"cron": "0 9 * * *", "tz": "Asia/Tokyo", "payload": [1], "overlap": False}
        made = await called.create_schedule("sums", "SUM", {**asked, "params": {"maxRetries": 7}})
        assert {name: made[name] for name in asked} == asked
        assert made["params"] == {"maxRetries": 7}
        assert isinstance(made["nextAt"], datetime)
        ticks = await called.next_ticks("sums", 2)
        assert ticks[0] == made["nextAt"]
        assert [(tick.hour, tick.utcoffset()) for tick in ticks] == [(0, timedelta())] * 2
        edited = await called.edit_schedule("sums", {"tz": "UTC", "missed": "all"})
        assert (edited["cron"], edited["tz"], edited["missed"]) == ("0 9 * * *", "UTC", "all")
        edited = await called.edit_schedule("sums", {"every": 90, "payload": None, "params": None})
        assert (edited["cron"], edited["every"], edited["params"]) == (None, 90, None)
        assert (await called.pause_schedule("sums"))["nextAt"] is None
        job = await called.run_schedule("sums")
        assert (job["schedule"], job["payload"], job["tick"]) == ("sums", None, None)
        assert (await called.resume_schedule("sums"))["nextAt"]
        assert (await called.find_schedule("sums"))["lastJob"]["id"] == job["id"]
        assert [one["name"] for one in await called.find_schedules({"after": "a"})] == ["sums"]
        await called.delete_schedule("sums")
        with pytest.raises(ScheduleNotFound):
            await called.find_schedule("sums")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "cron or every"),
        ({"tz": "UTC"}, "cron or every"),
        ({"every": 60, "cron": "* * * * *"}, "either cron and tz, or every"),
        ({"every": 60, "name": "x"}, "'name'"),
        ({"cron": "* * *"}, "cron"),
        ({"every": 60, "params": {"unique": True}}, "unique"),
    ],
)
async def test_what_is_no_schedule(tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    async with remote(tmp_path) as (called, _):
        with pytest.raises(InvalidInput, match=said):
            await called.create_schedule("sums", "SUM", asked)


async def test_a_declared_schedule_is_not_edited(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, kiribi):
        await kiribi.tick()
        [declared] = await called.find_schedules()
        assert declared["declared"]
        with pytest.raises(ScheduleConflict):
            await called.edit_schedule(declared["name"], {"every": 60})
