"""What is lost, doubled or killed costs time, not a job."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.workers.dev import Dev, dev, until
from tests.workers.require import require
from tests.workers.world import CALLER, DATABASE, call, ended, javascript_worker, manager, migrate

ENTRY = """
import asyncio
from kiribi import Cron, Kiribi, Performer, Schedule

class Add(Performer):
    async def perform(self, payload):
        return payload["a"] + payload["b"]

class Slow(Performer):
    async def perform(self, payload):
        if self.job.attempts == 1:
            await asyncio.sleep(600)
        return self.job.attempts

class Sleeps(Performer):
    schedule = Schedule(Cron("0 9 1 1 *", tz="Asia/Tokyo"), 0)
    async def perform(self, payload):
        await asyncio.sleep(payload)

class Hangs(Performer):
    timeout = 1
    max_attempts = 1
    async def perform(self, payload):
        await asyncio.sleep(600)

class Default(Kiribi):
    async def on_schedule(self, cron):
        if cron == "0 3 * * *":
            await self.enqueue("ADD", {"a": cron, "b": "!"}, priority=9)
"""
LEASE = 4


class Site:
    """The manager and a caller, to be started more than once on the same database."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state"
        kiribi = {"binding": "KIRIBI", "service": "jobs"}
        caller = javascript_worker(
            folder / "caller",
            "caller",
            CALLER,
            [kiribi],
            d1_databases=[DATABASE],
            queues={"producers": [{"binding": "KIRIBI_QUEUE", "queue": "jobs"}]},
        )
        variables = {"KIRIBI_LEASE_SECONDS": str(LEASE), "KIRIBI_TOKEN": "open sesame"}
        jobs = manager(folder / "jobs", ENTRY, variables=variables, packages=True)
        migrate(folder / "jobs", self._state)
        self._configs = (caller, jobs)

    def run(self) -> AbstractContextManager[Dev]:
        return dev(*self._configs, state=self._state)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    require()
    return Site(tmp_path_factory.mktemp("workers"))


@pytest.fixture(scope="module")
def running(site: Site) -> Generator[Dev]:
    with site.run() as running:
        yield running


TOKEN = {"authorization": "Bearer open sesame"}


def rest(running: Dev, method: str, path: str, body: Any = None) -> Any:
    answer = call(running, "$fetch", method, path, body, TOKEN)
    assert answer["status"] < 300, answer
    return json.loads(answer["text"])


def test_rest(running: Dev) -> None:
    made = rest(running, "POST", "/api/enqueue", {"binding": "ADD", "payload": {"a": 1, "b": 2}})
    assert ended(running, made["id"])["returnValue"] == 3
    assert rest(running, "GET", f"/api/jobs/{made['id']}")["returnValue"] == 3
    assert rest(running, "GET", "/api/pulse")["counts"]["COMPLETED"] >= 1
    wrong = call(running, "$fetch", "GET", "/api/pulse", None, {})
    assert wrong["status"] == 401


def test_doubled_and_foreign_messages(running: Dev) -> None:
    jobs = call(running, "enqueueMany", [["ADD", {"a": i, "b": 0}] for i in range(25)])
    for body in ({"count": 10}, {"count": 10}, {"count": -1}, "what", None, {"count": 1e9}):
        call(running, "$queue", [body, body])
    found = [ended(running, job["id"]) for job in jobs]
    assert [job["returnValue"] for job in found] == list(range(25))
    assert {job["attempts"] for job in found} == {1}


def test_a_tick_rings_for_jobs_whose_messages_were_lost(running: Dev) -> None:
    jobs = call(running, "enqueueMany", [["SLEEPS", 0, {"firstDelay": 3600}] for _ in range(130)])
    ids = ", ".join(f"'{job['id']}'" for job in jobs)
    # due now, and nobody has rung for that
    call(running, "$rows", f"UPDATE job SET due = 1, rank = 1 WHERE id IN ({ids})")

    def left() -> int:
        sql = f"SELECT count(*) AS n FROM job WHERE status <> 'COMPLETED' AND id IN ({ids})"
        return call(running, "$rows", sql)[0]["n"]

    assert left() == 130
    call(running, "$scheduled", "* * * * *")
    until(lambda: left() == 0, 30, running.log[-3000:])


def test_a_tick_calls_on_schedule(running: Dev) -> None:
    call(running, "$scheduled", "0 3 * * *")
    (job,) = call(running, "findMany", {"page": {"index": 0, "size": 1}})
    assert ended(running, job["id"])["returnValue"] == "0 3 * * *!"


def test_a_tick_fires_schedules(running: Dev) -> None:
    call(running, "$scheduled", "* * * * *")
    declared = rest(running, "GET", "/api/schedules/SLEEPS")
    assert (declared["declared"], declared["nextAt"][4:]) == (True, "-01-01T00:00:00.000Z")
    # it is long due, twice over
    call(running, "$rows", "UPDATE schedule SET next_ms = 1700000000000 WHERE name = 'SLEEPS'")
    for _ in range(2):
        call(running, "$scheduled", "* * * * *")
    after = rest(running, "GET", "/api/schedules/SLEEPS")
    assert after["nextAt"] == declared["nextAt"]
    job = ended(running, after["lastJob"]["id"])
    assert (job["status"], job["tick"]) == ("COMPLETED", after["lastTickAt"])
    sql = "SELECT count(*) AS n FROM job WHERE options LIKE '%SLEEPS%'"
    assert call(running, "$rows", sql)[0]["n"] == 1
    every = {"name": "probe", "binding": "SLEEPS", "payload": 0, "every": 1}
    rest(running, "POST", "/api/schedules", every)
    until(lambda: fired(running, "probe"), 30, running.log[-3000:])
    assert call(running, "$fetch", "DELETE", "/api/schedules/probe", None, TOKEN)["status"] == 204


def fired(running: Dev, name: str) -> bool:
    call(running, "$scheduled", "* * * * *")
    return rest(running, "GET", f"/api/schedules/{name}")["lastJob"] is not None


def test_a_timeout(running: Dev) -> None:
    job = ended(running, call(running, "enqueue", "HANGS")["id"])
    assert (job["status"], job["error"]["type"]) == ("FAILED", "KiribiTimeoutError")


def test_a_running_job_is_cancelled(running: Dev) -> None:
    id = call(running, "enqueue", "SLEEPS", 600)["id"]
    until(lambda: call(running, "find", id)["status"] == "PROCESSING")
    call(running, "cancel", id)
    assert ended(running, id)["status"] == "CANCELLED"


def test_a_job_that_waits_is_cancelled(running: Dev) -> None:
    id = call(running, "enqueue", "ADD", {"a": 1, "b": 1}, {"firstDelay": 90_000})["id"]
    assert call(running, "cancel", id)["status"] == "CANCELLED"


def test_a_runtime_killed_in_the_middle_of_a_batch(site: Site) -> None:
    """Its queue forgets, its database doesn't: what had ended stays so, the rest runs again."""
    with site.run() as first:
        asked = [["ADD", {"a": i, "b": 0}] for i in range(6)] + [["SLOW", None]] * 3
        jobs = [job["id"] for job in call(first, "enqueueMany", asked)]
        later = call(first, "enqueue", "ADD", {"a": 2, "b": 2}, {"firstDelay": 2})["id"]
        until(lambda: all(call(first, "find", id)["status"] == "COMPLETED" for id in jobs[:6]))
        assert {call(first, "find", id)["status"] for id in jobs[6:]} == {"PROCESSING"}
        first.kill()
    with site.run() as second:

        def look() -> bool:
            call(second, "$scheduled", "* * * * *")
            return all(call(second, "find", id)["status"] == "COMPLETED" for id in (*jobs, later))

        until(look, 40, second.log[-3000:])
        found = [call(second, "find", id) for id in jobs]
        assert [(job["attempts"], job["crashes"]) for job in found[:6]] == [(1, 0)] * 6
        for job in found[6:]:
            assert (job["crashes"], job["returnValue"]) == (1, job["attempts"])
            outcomes = [one["outcome"] for one in job["result"]]
            # each runs alone: the others are handed back meanwhile
            assert outcomes == ["crashed", *["released"] * (len(outcomes) - 2), "completed"]
