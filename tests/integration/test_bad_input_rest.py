"""Bad input by REST: what is answered, and that nothing has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.conftest import Serve
from tests.integration.rest_world import Served

from kiribi import new_id
from kiribi.web.guard import MAX_BODY_BYTES

JSON = "application/json"
WHOLE = "give a whole number from"


@dataclass(frozen=True)
class Case:
    """A request and its answer: `says` is part of the message."""

    name: str
    method: str
    path: str
    body: Any
    status: int
    code: str
    field: str | None
    says: str
    content_type: str = JSON


def enqueue(name: str, body: Any, field: str, says: str, **answer: Any) -> Case:
    body = {"binding": "ECHO", **body} if isinstance(body, dict) else body
    answer = {"status": 400, "code": "invalid_input", **answer}
    return Case(name, "POST", "enqueue", body, field=field, says=says, **answer)


NO_JOB = "01900000-0000-7000-8000-000000000000"


def param(name: str, params: Any, field: str, says: str) -> Case:
    return enqueue(name, {"params": params}, f"params.{field}", says)


def search(name: str, body: Any, field: str, says: str) -> Case:
    return Case(name, "POST", "search", body, 400, "invalid_input", field, says)


def act(name: str, path: str, body: Any, field: str, says: str) -> Case:
    return Case(name, "POST", path, body, 400, "invalid_input", field, says)


def malformed(name: str, body: bytes, says: str) -> Case:
    return Case(name, "POST", "enqueue", body, 400, "malformed_json", "body", says)


def query(name: str, path: str, field: str, says: str) -> Case:
    return Case(name, "GET", path, None, 400, "invalid_input", f"query.{field}", says)


MISFIT = {"status": 422, "code": "invalid_payload"}

CASES = [
    # what is no JSON
    malformed("no JSON", b"{", "body: Expecting property name"),
    malformed("two values", b"{} {}", "body: Extra data"),
    act("no text", "enqueue", b"", "body", "body: it is required"),
    malformed("NaN", b'{"binding": "ECHO", "payload": NaN}', "NaN is no JSON number"),
    malformed("Infinity", b'{"binding": "ECHO", "payload": -Infinity}', "no JSON number"),
    malformed("no UTF-8", b'{"binding": "\xff"}', "not Unicode text in UTF-8"),
    malformed(
        "half a surrogate pair",
        b'{"binding": "ECHO", "payload": "\\ud800"}',
        "not Unicode text in UTF-8",
    ),
    malformed(
        "an endless number",
        b'{"binding": "ECHO", "payload": ' + b"9" * 5000 + b"}",
        "Exceeds the limit",
    ),
    malformed("an endless nesting", b"[" * 100_000, "nested more than 128 deep"),
    malformed(
        "brackets behind quotes",
        b'{"a": "' + b"[" * 200 + b'\\"", "b": ' + b"[" * 200,
        "nested more than 128 deep",
    ),
    Case(
        "no content type",
        "POST",
        "enqueue",
        b'{"binding": "ECHO"}',
        415,
        "unsupported_media_type",
        "Content-Type",
        "Content-Type: '' is not allowed; give application/json",
        "",
    ),
    Case(
        "a form",
        "POST",
        "enqueue",
        b"binding=ECHO",
        415,
        "unsupported_media_type",
        "Content-Type",
        "give application/json",
        "application/x-www-form-urlencoded",
    ),
    Case(
        "too large a body",
        "POST",
        "enqueue",
        b" " * (MAX_BODY_BYTES + 1),
        413,
        "body_too_large",
        "body",
        "body: a request has at most 16,777,216 bytes",
    ),
    # what is no job
    enqueue("a list for a job", [1], "body", "valid dictionary"),
    enqueue("null for a job", None, "body", "it is required"),
    Case("no binding", "POST", "enqueue", {}, 400, "invalid_input", "binding", "it is required"),
    enqueue("an empty binding", {"binding": ""}, "binding", "give 1 to 100 of"),
    enqueue("a number for a binding", {"binding": 5}, "binding", "binding: 5 is not allowed"),
    enqueue(
        "an unknown binding",
        {"binding": "ECCHO"},
        "binding",
        "binding: 'ECCHO' is not allowed; did you mean",
        status=422,
        code="unknown_binding",
    ),
    enqueue("a binding with NUL", {"binding": "ECHO\0"}, "binding", "give 1 to 100 of"),
    enqueue("a long binding", {"binding": "A" * 101}, "binding", "give 1 to 100 of"),
    enqueue("an unknown field", {"paylod": 1}, "paylod", "no such field; known are binding"),
    enqueue("an id that is none", {"id": "1"}, "id", "id: '1' is not allowed; give a UUIDv7"),
    enqueue("another UUID", {"id": "3f2b1c9e-8d4a-4f6b-9c0d-1e2f3a4b5c6d"}, "id", "UUIDv7"),
    enqueue("a number for an id", {"id": 7}, "id", "id: 7 is not allowed"),
    # what the performer does not take
    enqueue(
        "a field of the payload is missing",
        {"binding": "SEND_MAIL", "payload": {}},
        "payload.to",
        "SEND_MAIL says: Field required",
        **MISFIT,
    ),
    enqueue(
        "a field of another type",
        {"binding": "SEND_MAIL", "payload": {"to": "a", "tries": "many"}},
        "payload.tries",
        "payload.tries: 'many' is not allowed",
        **MISFIT,
    ),
    enqueue("no object", {"binding": "FAIL", "payload": [1]}, "payload", "object", **MISFIT),
    enqueue("too large a payload", {"payload": "x" * 1_000_001}, "payload", "at most", **MISFIT),
    enqueue(
        "too deep a payload",
        {"payload": json.loads("[" * 110 + "]" * 110)},
        "payload",
        "100",
        **MISFIT,
    ),
    # options
    enqueue("a list for params", {"params": []}, "params", "valid dictionary"),
    param("no attempts", {"maxRetries": 0}, "maxRetries", f"{WHOLE} 1 to 1,000"),
    param("half an attempt", {"maxRetries": 1.5}, "maxRetries", f"{WHOLE} 1 to 1,000"),
    param("endless attempts", {"maxRetries": 10**30}, "maxRetries", f"{WHOLE} 1 to 1,000"),
    param("attempts as text", {"maxRetries": "3"}, "maxRetries", "'3' is not allowed"),
    param("true attempts", {"maxRetries": True}, "maxRetries", "True is not allowed"),
    param("a negative delay", {"firstDelay": -1}, "firstDelay", "give a number of seconds from 0"),
    param("a delay of ages", {"firstDelay": 1e12}, "firstDelay", "31,536,000"),
    param("a delay as text", {"firstDelay": "1h"}, "firstDelay", "'1h' is not allowed"),
    param("a retry delay as text", {"retryDelay": "1h"}, "retryDelay", "give seconds or"),
    param("no growth", {"retryDelay": {"base": 0}}, "retryDelay.base", "from 1 to 1,000"),
    param("a negative cap", {"retryDelay": {"cap": -1}}, "retryDelay.cap", "from 0"),
    param("an unknown part", {"retryDelay": {"bas": 2}}, "retryDelay", "known are"),
    param("no timeout", {"timeout": 0}, "timeout", "give a number of seconds above 0"),
    param("a priority above 9", {"priority": 10}, "priority", f"{WHOLE} 0 to 9"),
    param("no time", {"at": "tomorrow"}, "at", "give an ISO 8601 time with a zone"),
    param("a time without a zone", {"at": "2030-01-01T00:00:00"}, "at", "with a zone"),
    param("a time as number", {"at": 1}, "at", "with a zone"),
    param("a time out of range", {"at": "9999-12-31T23:59:59-23:59"}, "at", "1970 to"),
    param(
        "two beginnings",
        {"at": "2030-01-01T00:00:00Z", "firstDelay": 1},
        "at",
        "give either at or firstDelay",
    ),
    param("after no job", {"after": "job-1"}, "after", "give a UUIDv7"),
    param("after a missing job", {"after": [NO_JOB]}, "after", "give jobs that are stored"),
    param("after nothing", {"after": []}, "after", "give at least one"),
    param("an unknown consequence", {"after": NO_JOB, "afterFailed": "?"}, "afterFailed", "wait"),
    param("after what", {"afterFailed": "run"}, "afterFailed", "give it together with after"),
    param("an unknown option", {"maxRetrys": 3}, "maxRetrys", "known are maxRetries"),
    param("no rule of uniqueness", {"unique": "x"}, "unique", "True or False"),
    param("a part of no rule", {"unique": {"on": 1}}, "unique", "known are key"),
    param("a conflict", {"unique": {"onConflict": "x"}}, "unique.onConflict", "known are return"),
    # many jobs
    act("no jobs", "enqueue-many", [], "body", "at least 1 item"),
    act("one job for many", "enqueue-many", {"binding": "ECHO"}, "body", "valid list"),
    act("too many jobs", "enqueue-many", [{"binding": "ECHO"}] * 1001, "body", "at most 1000"),
    Case(
        "one of many is wrong",
        "POST",
        "enqueue-many",
        [{"binding": "ECHO"}, {"binding": "SEND_MAIL"}],
        422,
        "invalid_payload",
        "payload",
        "job 1 (from 0); none",
    ),
    act("a wrong option of many", "enqueue-many", [{"binding": 5}], "0.binding", "5 is not"),
    act("an endless wait", "perform", {"binding": "ECHO", "wait": 61}, "wait", "60"),
    # searches
    search("no page size", {"limit": 0}, "limit", "limit: 0 is not allowed"),
    search("too large a page", {"limit": 1001}, "limit", "less than or equal to 1000"),
    search("a page size as text", {"limit": "5"}, "limit", "'5' is not allowed"),
    search("a huge page", {"limit": 10**400}, "limit", "is not allowed"),
    search("a number for a place", {"before": 5}, "before", "5 is not allowed"),
    search("an unknown condition", {"filter": {"bindings": "X"}}, "filter.bindings", "known are"),
    search("an unknown status", {"filter": {"status": "DONE"}}, "filter.status", "known are"),
    search("no status at all", {"filter": {"status": []}}, "filter.status", "at least one"),
    search("no ids at all", {"filter": {"ids": []}}, "filter.ids", "at least one"),
    search("a number for a binding", {"filter": {"binding": 5}}, "filter.binding", "give a text"),
    search("a long text", {"filter": {"error": "x" * 1001}}, "filter.error", "1 to 1,000"),
    search("an empty text", {"filter": {"error": ""}}, "filter.error", "1 to 1,000"),
    search("no path", {"filter": {"payload": {"": 1}}}, "filter.payload", "joined by dots"),
    search("SQL for a path", {"filter": {"payload": {'"': 1}}}, "filter.payload", "joined by"),
    search("an object", {"filter": {"payload": {"a": {}}}}, "filter.payload.a", "give a text"),
    search("a huge value", {"filter": {"payload": {"a": 10**30}}}, "filter.payload.a", "64 bits"),
    search("no digits", {"filter": {"fingerprint": "X"}}, "filter.fingerprint", "16 digits"),
    search("no reason", {"filter": {"reason": "timeout"}}, "filter.reason", "failed or crashed"),
    search("no time", {"filter": {"createdAfter": "x"}}, "filter.createdAfter", "ISO 8601"),
    search(
        "a time without a zone",
        {"filter": {"createdBefore": "2026-01-01T00:00:00"}},
        "filter.createdBefore",
        "with a zone",
    ),
    # actions
    act("nothing to cancel", "jobs/cancel", {}, "ids", "give either ids or a filter"),
    act("no ids", "jobs/delete-many", {"ids": []}, "ids", "at least 1 item"),
    act("both", "jobs/retry", {"ids": ["x"], "filter": {}}, "ids", "give either"),
    act("a number for an id", "jobs/run-now", {"ids": [5]}, "ids.0", "5 is not allowed"),
    act("one id for many", "jobs/cancel", {"ids": "x"}, "ids", "valid list"),
    act("an unknown field", "jobs/delete-many", {"id": "x"}, "id", "known are ids, filter"),
    act(
        "a filter that would match all",
        "jobs/delete-many",
        {"filter": {"binding": []}},
        "filter.binding",
        "at least one",
    ),
    act("a negative age", "sweep", {"olderThan": -1}, "olderThan", "greater than or equal to 0"),
    act("an age as text", "sweep", {"olderThan": "7d"}, "olderThan", "'7d' is not allowed"),
    act("an unknown status", "sweep", {"statuses": ["OLD"]}, "statuses", "PENDING"),
    act("maybe", "sweep", {"dryRun": "yes"}, "dryRun", "'yes' is not allowed"),
    act("no object", "sweep", [], "body", "valid dictionary"),
    act("no limit", "bindings/ECHO/limit", {}, "concurrency", "give at least one limit"),
    act("none at a time", "bindings/ECHO/limit", {"concurrency": 0}, "concurrency", "from 1 to"),
    act("a bare rate", "bindings/ECHO/limit", {"rateLimit": 5}, "rateLimit", "RateLimit(limit"),
    act(
        "an endless rate",
        "bindings/ECHO/limit",
        {"rateLimitPerKey": {"limit": 5, "per": 0}},
        "rateLimitPerKey.per",
        "from 0.001",
    ),
    act(
        "a part of a budget that there is not",
        "bindings/ECHO/limit",
        {"retryBudget": {"failures": 5, "every": 1}},
        "retryBudget",
        "known are failures, probe",
    ),
    act("no such limit", "bindings/ECHO/limit", {"rate": 5}, "rate", "known are concurrency"),
    Case(
        "an unknown binding to limit",
        "POST",
        "bindings/NOBODY/limit",
        {"concurrency": 1},
        404,
        "unknown_binding",
        None,
        "binding: 'NOBODY' is not allowed",
    ),
    Case(
        "an unknown binding to pause",
        "POST",
        "bindings/NOBODY/pause",
        None,
        404,
        "unknown_binding",
        None,
        "binding: 'NOBODY' is not allowed",
    ),
    Case(
        "no name to pause",
        "POST",
        "bindings/a%20b/pause",
        None,
        400,
        "invalid_input",
        "path.name",
        "is not allowed",
    ),
    # paths and queries
    *(
        Case(f"no job {name}", method, path, None, 404, "job_not_found", None, "does not exist")
        for name, method, path in [
            ("to show", "GET", "jobs/missing"),
            ("of an id with NUL", "GET", "jobs/a%00b"),
            ("of an id that is no Unicode", "GET", "jobs/%ed%a0%80"),
            ("whose logs to show", "GET", "jobs/01a22f7e-6545-7d2e-939c-bad87ea01c93/logs"),
            ("to explain", "GET", "jobs/missing/explain"),
            ("to wait for", "GET", "jobs/missing/result"),
            ("to retry", "POST", "jobs/missing/retry"),
            ("to run", "POST", "jobs/missing/run-now"),
            ("to cancel", "PATCH", "jobs/missing/cancel"),
            ("to delete", "DELETE", "jobs/missing"),
        ]
    ),
    Case(
        "no job to recover",
        "POST",
        "recover",
        {"id": "missing"},
        404,
        "job_not_found",
        None,
        "job 'missing' does not exist",
    ),
    Case(
        "a long id",
        "GET",
        "jobs/" + "a" * 101,
        None,
        400,
        "invalid_input",
        "path.id",
        "at most 100 characters",
    ),
    query("a negative place", "jobs/x/logs?after=-1", "after", "greater than or equal to 0"),
    query("a huge place", f"jobs/x/logs?after={10**30}", "after", "less than or equal"),
    query("too many lines", "jobs/x/logs?limit=1001", "limit", "less than or equal to 1000"),
    query("no hours", "stats?hours=0", "hours", "greater than 0"),
    query("no hours of failures", "failures?hours=0", "hours", "greater than 0"),
    query("too many failures", "failures?limit=1001", "limit", "less than or equal to 1000"),
    query("endless hours", "stats?hours=inf", "hours", "is not allowed"),
    query("hours that are no number", "stats?hours=nan", "hours", "is not allowed"),
    query("hours as text", "stats?hours=day", "hours", "valid number"),
    query("an endless wait", "jobs/x/result?timeout=1e9", "timeout", "less than or equal to 60"),
    # npm kiribi's routes
    act("a page before the first", "jobs", {"page": {"index": -1, "size": 1}}, "page.index", "-1"),
    act("an empty page", "jobs", {"page": {"index": 0, "size": 0}}, "page.size", "0 is not"),
    act("half a page", "jobs", {"page": {"index": 0}}, "page.size", "it is required"),
    act("another key", "jobs", {"sort": {"key": "id", "desc": True}}, "sort.key", "'attempts'"),
    act("no direction", "jobs", {"sort": {"key": "attempts"}}, "sort.desc", "it is required"),
    act("an unknown status", "jobs", {"filter": {"status": "X"}}, "filter.status", "known are"),
    Case(
        "no ids to delete",
        "DELETE",
        "jobs/delete",
        [],
        400,
        "invalid_input",
        "body",
        "at least 1 item",
    ),
    Case(
        "an object of ids to delete",
        "DELETE",
        "jobs/delete",
        {"ids": ["x"]},
        400,
        "invalid_input",
        "body",
        "valid list",
    ),
    # login
    act("no token", "login", {}, "token", "token: it is required"),
    act("a number for a token", "login", {"token": 5}, "token", "valid string"),
]


@pytest.fixture(scope="module")
def api(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("bad") / "jobs.db") as served:
        served.job("ECHO", {"n": 1}, first_delay=3600)
        served.ended("FAIL", {"why": "x"})
        yield served


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path[:20]}: {case.name}")
def test_bad_input_is_refused_and_changes_nothing(api: Served, case: Case) -> None:
    before = api.snapshot()
    raw = isinstance(case.body, bytes)
    answer = api.client.request(
        case.method,
        f"api/{case.path}",
        content=case.body if raw or case.body is None else json.dumps(case.body),
        headers={"Content-Type": case.content_type} if case.body is not None else {},
    )
    assert answer.status_code == case.status, answer.text
    error = answer.json()["error"]
    assert error["code"] == case.code
    assert error.get("field") == case.field
    assert case.says in error["message"]
    assert len(answer.content) < 2_000
    assert api.snapshot() == before


def test_an_id_with_other_content_is_refused(api: Served) -> None:
    asked = {"binding": "ECHO", "payload": 1, "id": new_id(), "params": {"firstDelay": 3600}}
    assert api.client.post("api/enqueue", json=asked).status_code == 201
    before = api.snapshot()
    for change in ({"payload": 2}, {"binding": "HOLD"}, {"params": {"firstDelay": 1}}):
        for route in ("enqueue", "perform"):
            answer = api.client.post(f"api/{route}", json=asked | change)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "id_conflict")
    assert api.snapshot() == before


def test_a_body_without_a_length_is_limited_too(api: Served) -> None:
    before = api.snapshot()

    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 1024 * 1024

    answer = api.client.post(
        "api/enqueue", content=endless(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert api.snapshot() == before
