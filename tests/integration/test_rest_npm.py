"""npm kiribi's contract: what its own web client sends, and what it reads of the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.conftest import Serve
from tests.integration.rest_world import Served

from kiribi import Job
from kiribi.ports import NewJob
from kiribi.web import listing

NOBODY = "01900000-0000-7000-8000-000000000000"
COLUMNS = {
    "id",
    "binding",
    "status",
    "attempts",
    "createdAt",
    "updatedAt",
    "startedAt",
    "finishedAt",
    "completedAt",
    "processingTime",
}


@pytest.fixture
def api(serve: Serve, tmp_path: Any) -> Iterator[Served]:
    with serve(tmp_path / "jobs.db") as served:
        yield served


@pytest.fixture(scope="module")
def unchanged(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """For tests that change nothing."""
    with serve(tmp_path_factory.mktemp("shared") / "jobs.db") as served:
        yield served


def listed(api: Served, **asked: Any) -> Any:
    """As its `useJobs` asks: what is undefined is not sent."""
    answer = api.client.post("api/jobs", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"results", "totalCount"}
    return answer.json()


def ids(page: Any) -> list[str]:
    return [job["id"] for job in page["results"]]


def test_the_first_request_of_the_client(api: Served) -> None:
    job = api.ended("ECHO", {"n": 1})
    page = listed(
        api,
        filter={},
        page={"index": 0, "size": 10},
        sort={"key": "createdAt", "desc": True},
    )
    assert page["totalCount"] == 1
    [shown] = page["results"]
    assert shown.keys() >= COLUMNS
    assert shown["id"] == job.id
    assert shown["createdAt"].endswith("Z")
    assert isinstance(shown["processingTime"], int)


def test_an_empty_request_lists_the_newest_hundred(api: Served) -> None:
    api.run(api.kiribi.enqueue_many([("ECHO", n) for n in range(101)]))
    page = listed(api)
    assert (len(page["results"]), page["totalCount"]) == (100, 101)


@pytest.fixture(scope="module")
def history(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Jobs that differ in every key, and one that never ran."""
    with serve(tmp_path_factory.mktemp("history") / "jobs.db") as served:
        for n in range(3):
            served.ended("ECHO", n)
        served.ended("FAIL", {"why": "x"})
        served.job("SEND_MAIL", {"to": "a"})
        yield served


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({"binding": "FAIL"}, 1),
        ({"binding": ["FAIL"]}, 1),
        ({"binding": ["FAIL", "ECHO"]}, 4),
        ({"status": "PENDING"}, 1),
        ({"status": ["PENDING", "FAILED"]}, 2),
        ({"binding": "FAIL", "status": "PENDING"}, 0),
        ({"binding": "NOBODY"}, 0),
        ({"unknown": 1}, 5),
    ],
)
def test_filters(history: Served, filter: Any, found: int) -> None:
    page = listed(history, filter=filter, unknown="left out")
    assert (len(page["results"]), page["totalCount"]) == (found, found)


@pytest.mark.parametrize("desc", [True, False])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attempts", lambda job: job.attempts),
        ("createdAt", lambda job: job.created_ms),
        ("startedAt", lambda job: job.started_ms or 0),
        ("finishedAt", lambda job: job.finished_ms or 0),
        ("completedAt", lambda job: job.finished_ms if job.status == "COMPLETED" else 0),
        ("processingTime", lambda job: -1 if job.processing_ms is None else job.processing_ms),
    ],
)
def test_sorting_and_offsets(history: Served, key: str, value: Any, desc: bool) -> None:
    # as in SQL: no value is the least; equal ones are newest first either way
    jobs: tuple[Job, ...] = history.run(history.kiribi.find_many()).jobs
    newest_first = sorted(jobs, key=lambda job: job.id, reverse=True)
    expected = [job.id for job in sorted(newest_first, key=value, reverse=desc)]
    sort = {"key": key, "desc": desc}
    assert ids(listed(history, sort=sort)) == expected
    pages = [listed(history, sort=sort, page={"index": n, "size": 2}) for n in range(4)]
    assert [ids(page) for page in pages] == [expected[:2], expected[2:4], expected[4:], []]
    assert {page["totalCount"] for page in pages} == {5}


def test_it_reaches_the_newest_ten_thousand_and_counts_to_one_more(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = [NewJob(job_id, "ECHO", "null", chosen_id=True) for job_id in new_ids(10_002)]
    for start in range(0, len(new), 1000):
        api.run(api.kiribi.store.insert(new[start : start + 1000]))
    order = [job.id for job in reversed(new)]
    page = listed(api, page={"index": 9, "size": 1000}, sort={"key": "createdAt", "desc": True})
    assert (ids(page), page["totalCount"]) == (order[9000:10_000], 10_001)
    assert ids(listed(api, page={"index": 10, "size": 1000})) == []
    oldest = listed(api, page={"index": 0, "size": 3}, sort={"key": "createdAt", "desc": False})
    assert ids(oldest) == order[9997:10_000][::-1]
    assert listing.REACH == 10_000


def new_ids(number: int) -> list[str]:
    return [f"019a0000-{n:04x}-7000-8000-000000000000" for n in range(number)]


def test_details_have_what_the_client_shows(history: Served) -> None:
    [job] = listed(history, filter={"status": "FAILED"})["results"]
    details = history.client.get(f"api/jobs/{job['id']}").json()
    assert details.keys() >= COLUMNS | {"payload", "params", "result"}
    assert (details["payload"], details["params"]) == ({"why": "x"}, None)
    [attempt] = details["result"]
    assert attempt["status"] == "failed"
    assert attempt["error"] == "x"
    for name in ("startedAt", "finishedAt", "processingTime"):
        assert isinstance(attempt[name], int)


def test_bindings_are_names(api: Served) -> None:
    assert api.client.get("api/bindings").json() == ["ECHO", "FAIL", "HOLD", "SEND_MAIL"]


def create(api: Served, job: Any) -> Any:
    return api.client.post("api/jobs/create", json=job)


@pytest.mark.parametrize(
    ("params", "stored"),
    [
        ({"maxRetries": 1, "retryDelay": 0}, {"max_attempts": 1, "retry_delay": 0}),
        ({"maxRetries": 5, "firstDelay": 1.5}, {"max_attempts": 5, "first_delay": 1.5}),
        (
            {"retryDelay": {"exponential": True, "base": 2}},
            {"retry_delay": {"exponential": True, "base": 2, "cap": 3600}},
        ),
        ({"retryDelay": {"exponential": False, "base": 9}}, {"retry_delay": 9}),
        ({"retryDelay": {"exponential": False, "base": 9, "more": 1}}, {"retry_delay": 9}),
        ({"unknown": "stripped, as by zod"}, {}),
        # what npm does not know, and we do
        ({"timeout": 5, "priority": 2}, {"timeout": 5, "priority": 2}),
        (
            {"concurrencyKey": "tenant-7", "unique": {"by": ["payload.n"], "onConflict": "raise"}},
            {
                "concurrency_key": "tenant-7",
                "unique": {"by": ["payload.n"], "on_conflict": "raise"},
            },
        ),
        ({"unique": None, "after": None}, {}),
        ({}, {}),
    ],
)
def test_create(api: Served, params: Any, stored: Any) -> None:
    answer = create(
        api, {"binding": "ECHO", "payload": '{"n": [1]}', "params": params, "more": "left out"}
    )
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers["content-type"].startswith("text/plain")
    [job] = api.run(api.kiribi.find_many()).jobs
    assert (job.binding, job.payload, dict(job.options)) == ("ECHO", {"n": [1]}, stored)


def test_create_keeps_what_it_is_asked_of_a_job_beside_others(api: Served) -> None:
    first = api.job()
    params = {"after": first.id, "afterFailed": "run"}
    assert create(api, {"binding": "ECHO", "payload": "1", "params": params}).text == "OK"
    [held, _] = api.run(api.kiribi.find_many()).jobs
    assert api.run(api.kiribi.explain(held.id)).reasons[0].params["jobs"] == [first.id]
    job = {"binding": "ECHO", "payload": "2", "params": {"unique": True}}
    for _ in range(2):
        assert create(api, job).text == "OK"
    assert api.run(api.kiribi.count()).value == 3
    job["params"]["unique"] = {"onConflict": "raise"}
    answer = create(api, job)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "duplicate")


def test_create_without_params(api: Served) -> None:
    assert create(api, {"binding": "ECHO", "payload": "null"}).text == "OK"


@pytest.mark.parametrize(
    ("job", "issues"),
    [
        (
            {},
            [("invalid_type", ["binding"], "Required"), ("invalid_type", ["payload"], "Required")],
        ),
        (
            {"binding": "", "payload": ""},
            [
                ("too_small", ["binding"], "String must contain at least 1 character(s)"),
                ("too_small", ["payload"], "Payload must be at least 1 character long"),
                ("custom", ["payload"], "Payload must be a valid JSON string"),
            ],
        ),
        (
            {"binding": 1, "payload": None},
            [
                ("invalid_type", ["binding"], "Expected string, received number"),
                ("invalid_type", ["payload"], "Expected string, received null"),
            ],
        ),
        (
            {"binding": "ECHO", "payload": "{'n': 1}"},
            [("custom", ["payload"], "Payload must be a valid JSON string")],
        ),
        (
            {"binding": "ECHO", "payload": "NaN"},
            [("custom", ["payload"], "Payload must be a valid JSON string")],
        ),
        (
            {"binding": "ECHO", "payload": "1", "params": {"maxRetries": 0, "firstDelay": -1}},
            [
                (
                    "too_small",
                    ["params", "maxRetries"],
                    "Number must be greater than or equal to 1",
                ),
                (
                    "too_small",
                    ["params", "firstDelay"],
                    "Number must be greater than or equal to 0",
                ),
            ],
        ),
        (
            # what the client sends when a text is typed where a number belongs
            {"binding": "ECHO", "payload": "1", "params": {"maxRetries": None, "retryDelay": None}},
            [
                ("invalid_type", ["params", "maxRetries"], "Expected number, received null"),
                ("invalid_union", ["params", "retryDelay"], "Invalid input"),
            ],
        ),
        (
            {
                "binding": "ECHO",
                "payload": "1",
                "params": {"retryDelay": {"exponential": True, "base": 1}},
            },
            [("invalid_union", ["params", "retryDelay"], "Invalid input")],
        ),
        (
            {"binding": "ECHO", "payload": "1", "params": []},
            [("invalid_type", ["params"], "Expected object, received array")],
        ),
        (
            {"binding": "ECHO", "payload": "1", "params": {"timeout": "never stripped"}},
            [("custom", ["params", "timeout"], "params.timeout: 'never stripped' is not allowed")],
        ),
        (
            {"binding": "ECHO", "payload": "1", "params": {"unique": {"onConflict": "x"}}},
            [("custom", ["params", "unique", "onConflict"], "known are return")],
        ),
        (
            {"binding": "ECHO", "payload": "1", "params": {"unique": {"by": ["payload.id"]}}},
            [("custom", ["params", "unique", "by"], "name fields that the payload has")],
        ),
        (
            {"binding": "ECHO", "payload": "1", "params": {"after": [NOBODY]}},
            [("custom", ["params", "after"], "give jobs that are stored")],
        ),
        ([], [("invalid_type", [], "Expected object, received array")]),
        # What zod lets pass and Kiribi does not
        (
            {"binding": "ECH", "payload": "1"},
            [("custom", ["binding"], "did you mean")],
        ),
        (
            {"binding": "SEND_MAIL", "payload": "{}"},
            [("custom", ["payload"], "Field required")],
        ),
        (
            {"binding": "ECHO", "payload": "1", "params": {"maxRetries": 1.5}},
            [("custom", ["params", "maxRetries"], "give a whole number")],
        ),
        (
            {
                "binding": "ECHO",
                "payload": "1",
                "params": {"retryDelay": {"exponential": True, "base": 5000}},
            },
            [("custom", ["params", "retryDelay", "base"], "give a number from 1 to 1,000")],
        ),
    ],
)
def test_create_refuses_in_zods_shape(unchanged: Served, job: Any, issues: Any) -> None:
    api = unchanged
    before = api.snapshot()
    answer = create(api, job)
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert (body["success"], body["error"]["name"]) == (False, "ZodError")
    found = body["error"]["issues"]
    assert [(issue["code"], issue["path"]) for issue in found] == [(c, p) for c, p, _ in issues]
    for issue, (_, _, message) in zip(found, issues, strict=True):
        assert message in issue["message"]
    assert api.snapshot() == before


def test_create_refuses_what_is_no_json_in_zods_shape(api: Served) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.client.post("api/jobs/create", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["error"]["name"]) == (400, "ZodError")


def test_cancel(api: Served) -> None:
    job = api.job()
    answer = api.client.patch(f"api/jobs/{job.id}/cancel")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert api.client.get(f"api/jobs/{job.id}").json()["status"] == "CANCELLED"
    again = api.client.patch(f"api/jobs/{job.id}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_delete_one(api: Served) -> None:
    job = api.job()
    answer = api.client.delete(f"api/jobs/{job.id}")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert api.client.get(f"api/jobs/{job.id}").status_code == 404
    assert api.client.delete(f"api/jobs/{job.id}").status_code == 404


def test_delete_many_takes_a_list_in_its_body(api: Served) -> None:
    kept, *gone = [api.job() for _ in range(3)]
    answer = api.client.request(
        "DELETE",
        "api/jobs/delete",
        content=json.dumps([*(job.id for job in gone), "gone already"]),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.text) == (200, "OK")
    assert ids(listed(api)) == [kept.id]
