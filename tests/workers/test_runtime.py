"""The manager as a Python Worker: enqueued from TypeScript, performed here and elsewhere."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from tests.unit.test_remote import NOT_FOR_OTHERS
from tests.workers.dev import Dev, dev, until
from tests.workers.require import require
from tests.workers.world import (
    CALLER,
    RemoteError,
    ask,
    call,
    ended,
    javascript_worker,
    manager,
    migrate,
    python_worker,
)

from kiribi import new_id

ENTRY = """
import asyncio
from kiribi import Discard, Kiribi, Performer

class Add(Performer):
    async def perform(self, payload: dict):
        return payload["a"] + payload["b"]

class Blocking(Performer):
    def perform(self, payload):
        self.log("no threads here")
        return self.once("step", lambda key: payload)

class Flaky(Performer):
    max_attempts = 3
    retry_delay = 1

    async def perform(self, payload):
        if self.job.attempts < payload["until"]:
            raise ValueError(f"attempt {self.job.attempts}")
        return self.job.attempts

class Long(Performer):
    async def perform(self, payload):
        self.log("begun")
        await asyncio.sleep(payload)
        return "at last"

class Own(Performer):
    executor = "process"

    def perform(self, payload):
        self.log("in an invocation of its own")
        self.progress(0.5, "half")
        if payload == "discard":
            raise Discard("no use")
        return [payload, self.once("step", lambda key: key)]

class OwnLong(Performer):
    executor = "process"

    async def perform(self, payload):
        try:
            await asyncio.sleep(600)
        finally:
            self.log(f"told: {self.cancelled}")

class Default(Kiribi):
    ...
"""

ELSEWHERE = """
import asyncio
from pyodide.ffi import run_sync
from kiribi import Cancel, Performer, Retry, Snooze

class Later(Performer):
    async def perform(self, payload):
        if self.job.attempts < 3:
            raise Snooze(0.5, "not yet")
        return self.job.attempts

class Again(Performer):
    async def perform(self, payload):
        if self.job.attempts == 1:
            raise Retry("busy", after=0.5) from OSError("the reason why")
        return self.job.attempts

class Watches(Performer):
    async def perform(self, payload):
        self.log("begun")
        try:
            await asyncio.sleep(600)
        finally:
            self.log(f"told: {self.cancelled}")

class Blocks(Performer):
    def perform(self, payload):
        while not self.cancelled:
            run_sync(asyncio.sleep(0.1))
        self.log(f"told: {self.cancelled}")
        raise Cancel("as asked")

class Mail(Performer):
    async def perform(self, payload: dict):
        self.log("to " + payload["to"])
        self.progress(1, "sent")
        key = await self.once("send", lambda key: key)
        if payload["to"] == "nobody":
            raise LookupError("nobody there")
        return {"to": payload["to"], "key": key}
"""

DOOMED = """
import sys
from kiribi import Performer

class Doomed(Performer):
    max_attempts = 1

    async def perform(self, payload):
        sys.exit(3)

class Asks(Performer):
    async def perform(self, payload):
        kiribi = self.env.KIRIBI
        job = await kiribi.enqueue("ADD", {"a": 40, "b": payload}, {"max_attempts": 2})
        found = await kiribi.find_many({"filter": {"binding": "ADD", "ids": [job["id"]]}})
        return [job["id"], len(found), type(found[0]["createdAt"]).__name__]

class Sums(Performer):
    async def perform(self, payload):
        return await self.env.KIRIBI.perform("ADD", {"a": 40, "b": payload})
"""

UNMODIFIED = """
import { WorkerEntrypoint } from "cloudflare:workers";

// what npm kiribi's performers are
export class Typed extends WorkerEntrypoint {
  isPerformer() { return true; }
  async perform(payload: any) {
    if (payload.fail === "text") throw "no Error at all";
    if (payload.fail === "object") throw { code: 42 };
    if (payload.fail === "nothing") throw undefined;
    if (payload.fail === "circle") { payload.self = payload; return payload; }
    if (payload.fail === "bigint") return 10n;
    if (payload.fail) throw new RangeError("out of range");
    return { got: payload };
  }
}

// one that knows of Kiribi's context
export class Telling extends WorkerEntrypoint {
  async perform(payload: any, context: any) {
    await context.log("from TypeScript", "warning");
    await context.progress(0.25, "a quarter");
    return context.job.attempts;
  }
}

export class Watching extends WorkerEntrypoint {
  async perform(payload: any, context: any) {
    while (!await context.cancelled()) await new Promise((done) => setTimeout(done, 50));
    await context.log("told: true");
    throw new Error("stopped as asked");
  }
}

// one that does not look
export class Deaf extends WorkerEntrypoint {
  async perform() { await new Promise((done) => setTimeout(done, 600_000)); }
}

export default { fetch() { return new Response("") } };
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Dev]:
    require()
    folder = tmp_path_factory.mktemp("workers")
    kiribi = {"binding": "KIRIBI", "service": "jobs"}
    caller = javascript_worker(folder / "caller", "caller", CALLER, [kiribi])
    typed = javascript_worker(folder / "typed", "typed", UNMODIFIED)
    mail = python_worker(folder / "mail", {"name": "mail"}, ELSEWHERE)
    services = [
        {"binding": "TYPED", "service": "typed", "entrypoint": "Typed"},
        {"binding": "TELLING", "service": "typed", "entrypoint": "Telling"},
        {"binding": "WATCHING", "service": "typed", "entrypoint": "Watching"},
        {"binding": "DEAF", "service": "typed", "entrypoint": "Deaf"},
        *(
            {"binding": name.upper(), "service": "mail", "entrypoint": name}
            for name in ("Mail", "Later", "Again", "Watches", "Blocks")
        ),
        {"binding": "DOOMED", "service": "doomed", "entrypoint": "Doomed"},
        {"binding": "ASKS", "service": "doomed", "entrypoint": "Asks"},
        {"binding": "SUMS", "service": "doomed", "entrypoint": "Sums"},
        {"binding": "MISSING", "service": "typed"},  # no performer
    ]
    doomed = python_worker(folder / "doomed", {"name": "doomed", "services": [kiribi]}, DOOMED)
    jobs = manager(folder / "jobs", ENTRY, services=services)
    migrate(folder / "jobs", folder / "state")
    with dev(caller, jobs, typed, mail, doomed, state=folder / "state") as running:
        yield running


def said(job: dict[str, Any]) -> tuple[str, str]:
    return job["error"]["type"], job["error"]["message"]


def test_a_job_from_typescript(running: Dev) -> None:
    job = call(running, "enqueue", "ADD", {"a": 1, "b": 2}, {"maxRetries": 5})
    found = ended(running, job["id"])
    assert (found["status"], found["returnValue"]) == ("COMPLETED", 3), found
    assert found["params"] == {"maxRetries": 5}


@pytest.mark.parametrize(
    ("binding", "payload", "value"),
    [
        ("BLOCKING", "x", "x"),
        ("TYPED", {"n": 1.5, "deep": [None, "ü"]}, {"got": {"n": 1.5, "deep": [None, "ü"]}}),
        ("TELLING", None, 1),
    ],
)
def test_wherever_the_performer_is(running: Dev, binding: str, payload: Any, value: Any) -> None:
    found = ended(running, call(running, "enqueue", binding, payload)["id"])
    assert (found["status"], found["returnValue"]) == ("COMPLETED", value), found


def test_a_job_from_python(running: Dev) -> None:
    asked = ended(running, call(running, "enqueue", "ASKS", 2)["id"])
    id, number, kind = asked["returnValue"]
    assert (number, kind) == (1, "datetime")
    job = ended(running, id)
    assert (job["returnValue"], job["params"]) == (42, {"maxRetries": 2})


@pytest.mark.parametrize(
    ("binding", "payload", "value"),
    [("ADD", {"a": 1, "b": 2}, 3), ("MAIL", {"to": "ada"}, None), ("SUMS", 2, 42)],
)
def test_run_now_and_recorded(running: Dev, binding: str, payload: Any, value: Any) -> None:
    id = str(new_id())
    returned = call(running, "perform", binding, payload, {"id": id})
    assert returned == (value or {"to": "ada", "key": f"{id}:send"})
    job = call(running, "find", id)
    assert (job["status"], job["attempts"], job["returnValue"]) == ("COMPLETED", 1, returned)


def test_run_now_and_failed(running: Dev) -> None:
    id = str(new_id())
    with pytest.raises(RemoteError, match="ValueError: attempt 1"):
        call(running, "perform", "FLAKY", {"until": 3}, {"id": id})
    job = call(running, "find", id)
    assert (job["status"], job["attempts"]) == ("FAILED", 1)  # unless more are asked for
    more = {"maxRetries": 3, "retryDelay": 0.1}
    assert call(running, "perform", "FLAKY", {"until": 2}, more) == 2


def test_what_lasts_longer_than_the_wait_lives_on(running: Dev) -> None:
    id = str(new_id())
    with pytest.raises(RemoteError, match="is PROCESSING and lives on"):
        call(running, "perform", "LONG", 3, {"id": id}, 1)
    job = ended(running, id)
    assert (job["status"], job["attempts"], job["returnValue"]) == ("COMPLETED", 1, "at last")


def test_a_python_performer_elsewhere(running: Dev) -> None:
    id = call(running, "enqueue", "MAIL", {"to": "ada"})["id"]
    found = ended(running, id)
    assert found["returnValue"] == {"to": "ada", "key": f"{id}:send"}, found
    bad = call(running, "enqueue", "MAIL", {"to": "nobody"}, {"maxRetries": 1})["id"]
    found = ended(running, bad)
    assert found["status"] == "FAILED"
    assert said(found) == ("LookupError", "nobody there")
    assert "raise LookupError" in found["result"][0]["traceback"]


def test_a_snooze_from_elsewhere(running: Dev) -> None:
    found = ended(running, call(running, "enqueue", "LATER", None, {"maxRetries": 1})["id"])
    assert (found["status"], found["returnValue"], found["failures"]) == ("COMPLETED", 3, 0)
    assert [one["outcome"] for one in found["result"]] == ["snoozed", "snoozed", "completed"]
    waited = found["result"][1]["startedAt"] - found["result"][0]["finishedAt"]
    assert waited >= 500


def test_a_retry_from_elsewhere(running: Dev) -> None:
    """Its own delay counts, not the job's."""
    found = ended(running, call(running, "enqueue", "AGAIN", None, {"retryDelay": 3600})["id"])
    assert (found["status"], found["returnValue"], found["failures"]) == ("COMPLETED", 2, 1)
    first, second = found["result"]
    assert (first["outcome"], first["errorType"], first["error"]) == ("failed", "Retry", "busy")
    assert "the reason why" in first["traceback"]
    assert second["startedAt"] - first["finishedAt"] >= 500
    spent = ended(running, call(running, "enqueue", "AGAIN", None, {"maxRetries": 1})["id"])
    assert (spent["status"], said(spent)) == ("FAILED", ("Retry", "busy"))


@pytest.mark.parametrize(
    ("binding", "status", "told"),
    [
        ("WATCHES", "CANCELLED", True),
        ("BLOCKS", "CANCELLED", True),
        ("OWN_LONG", "CANCELLED", True),
        ("WATCHING", "FAILED", True),  # what it threw came first
        ("DEAF", "CANCELLED", False),
    ],
)
def test_a_cancel_is_seen_elsewhere(running: Dev, binding: str, status: str, told: bool) -> None:
    id = call(running, "enqueue", binding, None, {"maxRetries": 1})["id"]
    until(lambda: call(running, "find", id)["status"] == "PROCESSING")
    assert call(running, "cancel", id)["cancelRequested"]
    assert ended(running, id)["status"] == status
    lines = [one["message"] for one in call(running, "logs", id)]
    assert ("told: True" in lines or "told: true" in lines) == told, lines


def test_an_invocation_of_its_own(running: Dev) -> None:
    id = call(running, "enqueue", "OWN", 7)["id"]
    assert ended(running, id)["returnValue"] == [7, f"{id}:step"]
    discarded = ended(running, call(running, "enqueue", "OWN", "discard")["id"])
    assert (discarded["status"], discarded["attempts"]) == ("FAILED", 1)
    assert said(discarded) == ("Discard", "no use")


def test_an_error_of_typescript(running: Dev) -> None:
    id = call(running, "enqueue", "TYPED", {"fail": True}, {"maxRetries": 1})["id"]
    assert said(ended(running, id)) == ("RangeError", "out of range")


@pytest.mark.parametrize(
    ("binding", "payload", "error"),
    [
        ("DOOMED", None, ("SystemExit", "3")),
        ("TYPED", {"fail": "text"}, ("Error", "no Error at all")),
        ("TYPED", {"fail": "object"}, ("Error", '"code":42')),
        ("TYPED", {"fail": "nothing"}, ("Error", "undefined")),
        ("TYPED", {"fail": "circle"}, ("TypeError", "circular structure")),
        ("TYPED", {"fail": "bigint"}, ("TypeError", "BigInt")),
        ("MISSING", None, ("TypeError", "The RPC receiver does not implement")),
    ],
)
def test_a_worker_that_fails_fails_its_job_alone(
    running: Dev, binding: str, payload: Any, error: tuple[str, str]
) -> None:
    others = [["ADD", {"a": i, "b": 0}] for i in range(9)]
    batch = [[binding, payload, {"maxRetries": 1}], *others]
    first, *rest = call(running, "enqueueMany", batch)
    found = [ended(running, job["id"]) for job in rest]
    assert [(job["status"], job["attempts"]) for job in found] == [("COMPLETED", 1)] * 9
    job = ended(running, first["id"])
    assert (job["status"], job["attempts"], job["crashes"]) == ("FAILED", 1, 0)
    assert said(job)[0] == error[0]
    assert error[1] in said(job)[1], said(job)


def test_retries(running: Dev) -> None:
    found = ended(running, call(running, "enqueue", "FLAKY", {"until": 3})["id"])
    assert (found["status"], found["attempts"], found["returnValue"]) == ("COMPLETED", 3, 3)
    assert [one["error"] for one in found["result"]] == ["attempt 1", "attempt 2", None]


def test_a_delay(running: Dev) -> None:
    asked = call(running, "enqueue", "ADD", {"a": 1, "b": 1}, {"firstDelay": 2})
    found = ended(running, asked["id"])
    assert found["startedAt"] >= found["createdAt"]
    assert found["status"] == "COMPLETED"


def test_only_what_is_listed_can_be_called(running: Dev) -> None:
    hidden = ("_act", "schedules", "store", "queue", "performers", "app", "env", "__init__")
    for name in (*hidden, *sorted(NOT_FOR_OTHERS)):
        told = ask(running, [name])
        assert "error" in told, (name, told)


def test_what_steers_can_be_called(running: Dev) -> None:
    batch = call(running, "enqueueBatch", [["ADD", {"a": 1, "b": 2}]], ["BLOCKING", "all"])
    assert ended(running, batch["id"])["returnValue"] == "all"
    assert call(running, "batch", batch["id"])["counts"] == {"COMPLETED": 1}
    assert [one["message"] for one in call(running, "logs", batch["id"])] == ["no threads here"]
    unique = {"unique": {"key": "one", "onConflict": "return"}, "firstDelay": 3600}
    first = call(running, "enqueue", "BLOCKING", 1, unique)["id"]
    again = call(running, "enqueue", "BLOCKING", 2, unique)
    assert (again["id"], again["duplicate"]) == (first, True)
    assert call(running, "uniqueKey", first)["holder"] == first
    call(running, "limit", "BLOCKING", {"rateLimit": {"limit": 100}})
    overrides = {one["name"]: one["overrides"] for one in call(running, "bindings")}
    assert overrides["BLOCKING"] == {"rateLimit": {"limit": 100, "per": 1, "burst": 1}}
    call(running, "resetLimits", "BLOCKING")
    assert "cloudflare" in [worker["id"] for worker in call(running, "workers")]


def test_a_bulk_action_is_carried_out(running: Dev) -> None:
    later = [["ADD", {"a": n, "b": n}, {"firstDelay": 3600, "priority": 7}] for n in range(3)]
    ids = [job["id"] for job in call(running, "enqueueMany", later)]
    begun = call(running, "startAction", "cancel", {"ids": ids}, {"who": "ada"})["id"]

    def done() -> dict[str, Any] | None:
        call(running, "$scheduled", "* * * * *")
        action = call(running, "action", begun)
        return action if action["status"] == "DONE" else None

    assert until(done)["done"] == 3
    assert call(running, "actions")[0]["who"] == "ada"
    with pytest.raises(RemoteError, match="only running ones can be aborted"):
        call(running, "abort", begun)


def test_schedules_can_be_called(running: Dev) -> None:
    asked = {"every": 300 * 86_400, "payload": {"a": 1, "b": 1}}
    made = call(running, "createSchedule", "yearly", "ADD", asked)
    told = ask(running, ["findSchedule", "yearly"])
    assert {"nextAt", "createdAt"} <= set(told["dates"])
    assert call(running, "nextTicks", "yearly", 1) == [made["nextAt"]]
    assert call(running, "editSchedule", "yearly", {"missed": "skip"})["missed"] == "skip"
    assert call(running, "pauseSchedule", "yearly")["nextAt"] is None
    assert ended(running, call(running, "runSchedule", "yearly")["id"])["returnValue"] == 2
    assert call(running, "resumeSchedule", "yearly")["nextAt"] == made["nextAt"]
    call(running, "deleteSchedule", "yearly")
    assert call(running, "findSchedules") == []


def test_errors_have_name_and_message(running: Dev) -> None:
    with pytest.raises(RemoteError) as caught:
        call(running, "enqueue", "NOBODY", {})
    # what the platform makes of a Python exception: a traceback, whose last line is the error
    assert (
        caught.value.args[1]
        .splitlines()[-1]
        .startswith("kiribi.errors.UnknownBinding: binding: 'NOBODY' is not allowed")
    )
    with pytest.raises(RemoteError, match=r"jobs\[1\]: .* give \[binding, payload, params\]"):
        call(running, "enqueueMany", [["ADD", {}], {"binding": "ADD"}])
    with pytest.raises(RemoteError, match="maxretries"):
        call(running, "enqueue", "ADD", {}, {"maxretries": 3})


def test_times_are_dates(running: Dev) -> None:
    id = call(running, "enqueue", "ADD", {"a": 1, "b": 2})["id"]
    ended(running, id)
    told = ask(running, ["find", id])
    assert set(told["dates"]) >= {"createdAt", "updatedAt", "finishedAt", "completedAt"}


def test_a_date_in_a_payload_is_a_text(running: Dev) -> None:
    id = call(running, "$dated", "BLOCKING", "2026-11-24T00:00:00.000Z")["id"]
    assert ended(running, id)["returnValue"] == {"at": ["2026-11-24T00:00:00.000Z"]}
