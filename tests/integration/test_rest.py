"""Every route of our own, its answer compared as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.conftest import Serve
from tests.integration.rest_world import Served

from kiribi import Exit, JobError, JobStatus, __version__, lifecycle, new_id
from kiribi.ports import WorkerInfo

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def api(serve: Serve, tmp_path: Any) -> Iterator[Served]:
    with serve(tmp_path / "jobs.db") as served:
        yield served


def post(api: Served, path: str, body: Any = None, status: int = 200) -> Any:
    answer = api.client.post(f"api/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def get(api: Served, path: str, status: int = 200) -> Any:
    answer = api.client.get(f"api/{path}")
    assert answer.status_code == status, answer.text
    return answer.json()


def test_enqueue_answers_the_stored_job_with_all_its_fields(api: Served) -> None:
    params = {
        "maxRetries": 5,
        "retryDelay": {"exponential": True, "base": 3, "cap": 60},
        "firstDelay": 30,
        "timeout": 2.5,
        "priority": 7,
    }
    id = new_id()
    job = post(
        api, "enqueue", {"binding": "ECHO", "payload": {"n": 1}, "params": params, "id": id}, 201
    )
    times = {name: job.pop(name) for name in ("createdAt", "updatedAt", "dueAt")}
    assert job == {
        "id": id,
        "binding": "ECHO",
        "status": "PENDING",
        "attempts": 0,
        "failures": 0,
        "crashes": 0,
        "priority": 7,
        "startedAt": None,
        "finishedAt": None,
        "completedAt": None,
        "processingTime": None,
        "payload": {"n": 1},
        "error": None,
        "progress": None,
        "worker": None,
        "cancelRequested": False,
        "duplicate": False,
        "reason": None,
        "params": params,
        "schedule": None,
        "tick": None,
        "result": [],
        "returnValue": None,
    }
    for name, time in times.items():
        assert re.fullmatch(TIME, time), (name, time)
    assert get(api, f"jobs/{id}") == job | times | {"uniqueKey": None}


def test_at_comes_back_as_it_was_given(api: Served) -> None:
    params = {"at": "2030-01-02T03:04:05.678+01:00"}
    job = post(api, "enqueue", {"binding": "ECHO", "params": params}, 201)
    assert job["params"] == {"at": "2030-01-02T02:04:05.678Z"}
    assert job["dueAt"] == "2030-01-02T02:04:05.678Z"


def test_the_same_id_and_content_again_is_a_duplicate(api: Served) -> None:
    asked = {"binding": "ECHO", "payload": [1], "id": new_id()}
    assert post(api, "enqueue", asked, 201)["duplicate"] is False
    assert post(api, "enqueue", asked, 201)["duplicate"] is True
    assert post(api, "count", {})["count"] == 1


def test_enqueue_many_keeps_the_order(api: Served) -> None:
    jobs = post(api, "enqueue-many", [{"binding": "ECHO", "payload": n} for n in range(5)], 201)
    assert [job["payload"] for job in jobs] == list(range(5))
    assert post(api, "count", {})["count"] == 5


def test_details_of_a_completed_job(api: Served) -> None:
    job = api.ended("ECHO", {"n": 1})
    details = get(api, f"jobs/{job.id}")
    [attempt] = details["result"]
    assert details["status"] == "COMPLETED"
    assert details["returnValue"] == {"n": 1}
    assert details["completedAt"] == details["finishedAt"]
    assert attempt == {
        "status": "success",
        "outcome": "completed",
        "error": None,
        "errorType": None,
        "traceback": None,
        "exit": None,
        "startedAt": job.started_ms,
        "finishedAt": job.finished_ms,
        "processingTime": details["processingTime"],
        "attempt": 1,
        "worker": details["worker"] or attempt["worker"],
    }


def test_details_of_a_failed_job(api: Served) -> None:
    job = api.ended("FAIL", {"why": "no route to host"})
    details = get(api, f"jobs/{job.id}")
    [attempt] = details["result"]
    assert details["status"] == "FAILED"
    assert details["error"]["fingerprint"] == get(api, "failures")[0]["fingerprint"]
    assert {**details["error"], "fingerprint": ""} == {
        "type": "ConnectionError",
        "message": "no route to host",
        "origin": "tests.integration.rest_world:Fail.perform",
        "fingerprint": "",
        "exit": None,
    }
    assert details["reason"] == "failed"
    assert (attempt["status"], attempt["outcome"]) == ("failed", "failed")
    assert (attempt["errorType"], attempt["error"]) == ("ConnectionError", "no route to host")
    assert "rest_world.py" in attempt["traceback"]


def test_search_pages_newest_first(api: Served) -> None:
    ids = sorted(api.job(payload=n).id for n in range(5))
    first = post(api, "search", {"limit": 2})
    assert [job["id"] for job in first["jobs"]] == [ids[4], ids[3]]
    second = post(api, "search", {"limit": 2, "before": first["next"]})
    assert [job["id"] for job in second["jobs"]] == [ids[2], ids[1]]
    last = post(api, "search", {"limit": 2, "before": second["next"]})
    assert [job["id"] for job in last["jobs"]] == [ids[0]]
    assert (last["next"], last["lookedBackTo"]) == (None, None)
    assert "result" not in last["jobs"][0]


@pytest.fixture(scope="module")
def history(
    serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, dict[str, Any]]]:
    """A failed job, one that waits, and when that was created."""
    with serve(tmp_path_factory.mktemp("history") / "jobs.db") as served:
        failed = served.ended("FAIL", {"why": "Disk full", "user": {"id": 42}})
        mail = served.job("SEND_MAIL", {"to": "a@example.com"})
        created = get(served, f"jobs/{mail.id}")["createdAt"]
        yield served, {"failed": failed.id, "mail": mail.id, "created": created}


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, {"failed", "mail"}),
        ({"binding": "FAIL"}, {"failed"}),
        ({"binding": ["FAIL", "SEND_MAIL"]}, {"failed", "mail"}),
        ({"status": "PENDING"}, {"mail"}),
        ({"status": ["PENDING", "FAILED"]}, {"failed", "mail"}),
        ({"status": ["COMPLETED"]}, set()),
        ({"payload": {"user.id": 42}}, {"failed"}),
        ({"payload": {"user.id": 43}}, set()),
        ({"payload": {"to": "a@example.com"}}, {"mail"}),
        ({"error": "disk"}, {"failed"}),
        ({"error": "connectionerror"}, {"failed"}),
        ({"createdAfter": "<created>"}, {"mail"}),
        ({"createdBefore": "<created>"}, {"failed"}),
        ({"ids": ["<mail>", "unknown"]}, {"mail"}),
        ({"binding": None, "status": None}, {"failed", "mail"}),
        ({"binding": ["FAIL"], "status": ["PENDING"]}, set()),
    ],
)
def test_filters_of_search_and_count(
    history: tuple[Served, dict[str, Any]], filter: dict[str, Any], found: set[str]
) -> None:
    api, known = history

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(each) for each in value]
        return known.get(str(value).strip("<>"), value) if isinstance(value, str) else value

    asked = {"filter": {name: filled(value) for name, value in filter.items()}}
    page = post(api, "search", asked)
    assert {job["id"] for job in page["jobs"]} == {known[name] for name in found}
    assert post(api, "count", asked) == {"count": len(found), "exact": True}


def test_large_payloads_are_left_out_of_lists(api: Served) -> None:
    job = api.job(payload="x" * 5000)
    assert post(api, "search", {})["jobs"][0]["payload"] is None
    assert get(api, f"jobs/{job.id}")["payload"] == "x" * 5000


def test_payloads_are_shown_redacted(api: Served) -> None:
    secret = api.job(payload={"user": "ann", "password": "hunter2"})
    broken = api.job(payload="break")
    shown = {"user": "ann", "password": "***"}
    assert get(api, f"jobs/{secret.id}")["payload"] == shown
    listed = {job["id"]: job["payload"] for job in post(api, "search", {})["jobs"]}
    assert listed == {secret.id: shown, broken.id: None}
    results = post(api, "jobs", {})["results"]
    assert {job["id"]: job["payload"] for job in results} == listed
    assert api.run(api.kiribi.find(secret.id)).payload["password"] == "hunter2"


def test_who_holds_a_unique_key_is_shown(api: Served) -> None:
    rule = {"by": ("payload.user",), "within": 3600}
    first = api.job(payload={"user": "ann", "n": 1}, unique=rule)
    again = post(
        api,
        "enqueue",
        {
            "binding": first.binding,
            "payload": {"user": "ann", "n": 2},
            "params": {"unique": {"by": ["payload.user"], "onConflict": "return"}},
        },
        201,
    )
    assert (again["id"], again["duplicate"]) == (first.id, True)
    shown = get(api, f"jobs/{first.id}")
    assert shown["params"] == {"unique": {"by": ["payload.user"], "within": 3600}}
    key = shown["uniqueKey"]
    assert key["key"] == '{"payload.user":"ann"}'
    assert key["states"] == ["PENDING", "PROCESSING", "RETRY_PENDING"]
    assert key["holder"] == first.id
    assert key["until"] == key["heldUntil"] > shown["createdAt"]
    assert (
        '{"payload.user":"ann"}' in get(api, f"jobs/{first.id}/explain")["reasons"][-1]["message"]
    )
    assert get(api, f"jobs/{api.job().id}")["uniqueKey"] is None


def test_a_unique_key_made_of_a_redacted_payload_is_not_shown(api: Served) -> None:
    secret = api.job(payload={"password": "hunter2"}, unique={"by": ("payload.password",)})
    key = get(api, f"jobs/{secret.id}")["uniqueKey"]
    assert (key["key"], key["holder"]) == (None, secret.id)
    told = get(api, f"jobs/{secret.id}/explain")
    assert told["reasons"][-1]["params"] == {"key": None, "holder": secret.id, "until": None}
    assert told["reasons"][-1]["message"].startswith("It holds the unique key while it is PENDING")
    assert "hunter2" not in str(told)


def test_logs_go_on_where_they_stopped(api: Served) -> None:
    job = api.ended("ECHO")
    first = get(api, f"jobs/{job.id}/logs?limit=1")
    [line] = first["lines"]
    assert {**line, "at": ""} == {
        "seq": first["next"],
        "attempt": 1,
        "at": "",
        "level": "info",
        "message": "hello",
    }
    second = get(api, f"jobs/{job.id}/logs?after={first['next']}")
    assert [(line["level"], line["message"]) for line in second["lines"]] == [("warning", "again")]
    assert get(api, f"jobs/{job.id}/logs?after={second['next']}") == {
        "lines": [],
        "next": second["next"],
    }


def test_explain(api: Served) -> None:
    job = api.job("SEND_MAIL", {"to": "a"})
    explained = get(api, f"jobs/{job.id}/explain")
    assert (explained["id"], explained["status"]) == (job.id, "PENDING")
    assert explained["reasons"] == [
        {
            "code": "unserved",
            "message": "No live worker serves SEND_MAIL.",
            "params": {"binding": "SEND_MAIL", "seen": None},
        }
    ]


def test_a_batch(api: Served) -> None:
    jobs = [{"binding": "ECHO", "payload": n} for n in range(2)]
    made = post(api, "batches", {"jobs": jobs, "then": {"binding": "ECHO", "payload": 7}}, 201)
    assert (made["total"], made["ended"], made["progress"]) == (2, 0, 0)
    assert (made["counts"], made["callback"]["id"]) == ({"PENDING": 2}, made["id"])
    callback = get(api, f"jobs/{made['id']}")
    assert len(callback["params"]["after"]) == 2
    assert callback["params"]["afterFailed"] == "run"
    assert get(api, f"jobs/{made['id']}/explain")["reasons"][0]["code"] == "waits_for_jobs"
    with api.worker():
        assert get(api, f"jobs/{made['id']}/result")["returnValue"] == 7
    assert get(api, f"batches/{made['id']}")["counts"] == {"COMPLETED": 2}


def test_result_waits_for_the_end(api: Served) -> None:
    job = api.job("ECHO", 7)
    waiting = api.client.get(f"api/jobs/{job.id}/result?timeout=0")
    assert (waiting.status_code, waiting.json()["status"]) == (202, "PENDING")
    with api.worker():
        ended = get(api, f"jobs/{job.id}/result?timeout=10")
    assert (ended["status"], ended["returnValue"]) == ("COMPLETED", 7)


def test_perform_answers_the_job_however_it_ended(api: Served) -> None:
    completed = post(api, "perform", {"binding": "ECHO", "payload": 7, "wait": 10})
    assert (completed["status"], completed["returnValue"]) == ("COMPLETED", 7)
    failed = post(api, "perform", {"binding": "FAIL", "payload": {"why": "x"}, "wait": 10})
    assert (failed["status"], failed["error"]["message"]) == ("FAILED", "x")
    lives = post(api, "perform", {"binding": "HOLD", "wait": 0.1}, 202)
    assert lives["status"] in ("PENDING", "PROCESSING")
    post(api, "jobs/cancel", {"ids": [lives["id"]]})


def test_actions_on_many_jobs_say_what_they_did(api: Served) -> None:
    waiting, other, ended = api.job(), api.job(first_delay=60), api.ended("ECHO")
    ids = [other.id, ended.id, "missing"]
    assert api.run(api.kiribi.find(waiting.id)).status is JobStatus.COMPLETED

    def skipped(answer: Any) -> dict[str, str]:
        return {each["id"]: each["reason"] for each in answer["skipped"]}

    ran = post(api, "jobs/run-now", {"ids": ids})
    assert ran["done"] == [other.id]
    assert "only waiting jobs" in skipped(ran)[ended.id]
    assert "does not exist" in skipped(ran)["missing"]
    cancelled = post(api, "jobs/cancel", {"ids": ids})
    assert cancelled["done"] == [other.id]
    assert "only open jobs" in skipped(cancelled)[ended.id]
    retried = post(api, "jobs/retry", {"filter": {"binding": "ECHO"}})
    assert set(retried["done"]) == {waiting.id, other.id, ended.id}
    assert retried["skipped"] == []
    deleted = post(api, "jobs/delete-many", {"filter": {"status": ["PENDING"]}})
    assert set(deleted["done"]) == {waiting.id, other.id, ended.id}
    assert post(api, "count", {})["count"] == 0


def test_actions_on_one_job(api: Served) -> None:
    later = api.job(first_delay=60)
    before = get(api, f"jobs/{later.id}")["dueAt"]
    assert post(api, f"jobs/{later.id}/run-now")["dueAt"] < before
    assert post(api, f"jobs/{later.id}/retry", status=409)["error"]["code"] == "conflict"
    ended = api.ended("FAIL", {"why": "x"})
    again = post(api, f"jobs/{ended.id}/retry")
    assert (again["status"], again["failures"], len(again["result"])) == ("PENDING", 0, 1)


def test_failures_are_grouped_listed_and_retried(api: Served) -> None:
    first, last = api.ended("FAIL", {"why": "x"}), api.ended("FAIL", {"why": "y"})
    (group,) = get(api, "failures")
    assert (group["binding"], group["type"], group["count"]) == ("FAIL", "ConnectionError", 2)
    assert (group["job"], group["message"], group["origin"].split(":")[1]) == (
        last.id,
        "y",
        "Fail.perform",
    )
    assert get(api, "failures?binding=ECHO&hours=1&limit=5") == []
    chosen = {"filter": {"fingerprint": group["fingerprint"], "status": "FAILED"}}
    found = post(api, "search", chosen)["jobs"]
    assert [job["id"] for job in found] == [last.id, first.id]
    assert found[0]["error"] == {
        "type": "ConnectionError",
        "message": "y",
        "origin": group["origin"],
        "fingerprint": group["fingerprint"],
        "exit": None,
    }
    assert found[0]["reason"] == "failed"
    assert set(post(api, "jobs/retry", chosen)["done"]) == {first.id, last.id}
    assert post(api, "search", chosen)["jobs"] == []


def test_a_running_job_is_asked_to_stop_and_not_deleted(api: Served) -> None:
    job = api.job("HOLD")
    with api.worker():
        api.until(job.id, lambda job: job.progress)
        running = get(api, f"jobs/{job.id}")
        assert running["status"] == "PROCESSING"
        assert running["progress"] == {"fraction": 0.5, "message": "half"}
        kept = post(api, "jobs/delete-many", {"ids": [job.id]})
        assert (kept["done"], kept["skipped"][0]["id"]) == ([], job.id)
        assert post(api, "jobs/cancel", {"ids": [job.id]})["done"] == [job.id]
        assert get(api, f"jobs/{job.id}/result?timeout=10")["status"] == "CANCELLED"


def test_sweep(api: Served) -> None:
    api.ended("ECHO")
    failed = api.ended("FAIL", {"why": "x"})
    assert post(api, "sweep", {}) == {"count": 0}
    assert post(api, "sweep", {"olderThan": 0, "dryRun": True}) == {"count": 1}
    assert post(api, "sweep", {"olderThan": 0}) == {"count": 1}
    assert [job["id"] for job in post(api, "search", {})["jobs"]] == [failed.id]
    assert post(api, "sweep", {"olderThan": 0, "statuses": "*"}) == {"count": 1}


def test_recover_takes_back_the_jobs_of_a_dead_worker(api: Served) -> None:
    job = api.job("ECHO")
    api.run(api.kiribi.store.enlist(WorkerInfo("w", bindings=("ECHO",)), 60_000))
    assert api.run(api.kiribi.store.claim("w", ["ECHO"], 1))[0].id == job.id
    assert get(api, "dead-jobs") == []
    assert post(api, "recover", {"id": job.id}, 409)["error"]["code"] == "conflict"
    api.run(api.kiribi.store.bury({"w": "killed by signal 9"}))
    assert [dead["id"] for dead in get(api, "dead-jobs")] == [job.id]
    assert post(api, "recover") == {"count": 1}
    recovered = get(api, f"jobs/{job.id}")
    assert (recovered["status"], recovered["crashes"]) == ("RETRY_PENDING", 1)
    assert recovered["result"][0]["outcome"] == "crashed"


def test_pause_and_resume(api: Served) -> None:
    with api.worker():
        paused = post(api, "bindings/SEND_MAIL/pause")
        assert (paused["name"], paused["paused"]) == ("SEND_MAIL", True)
        assert "SEND_MAIL" in {b["name"] for b in get(api, "binding-details") if b["paused"]}
        assert post(api, "bindings/SEND_MAIL/resume")["paused"] is False


def test_limits_are_set_and_taken_back(api: Served) -> None:
    with api.worker():
        asked = {
            "concurrency": 2,
            "rateLimitPerKey": {"limit": 5, "per": 60},
            "retryBudget": {"failures": 3},
            "rateLimit": None,
        }
        limited = post(api, "bindings/SEND_MAIL/limit", asked)
        assert limited["limits"] == {
            "concurrency": 2,
            "rateLimitPerKey": {"limit": 5, "per": 60.0, "burst": 1},
            "retryBudget": {"failures": 3, "probe": 30.0},
        }
        assert limited["overrides"] == {**limited["limits"], "rateLimit": None}
        in_order = ["concurrency", "rateLimit", "rateLimitPerKey", "retryBudget"]
        assert list(limited["overrides"]) == in_order
        assert limited["breaker"] == {"open": False, "failures": 0, "probe": None}
        post(api, "bindings/SEND_MAIL/limit", {"retryBudget": None})
        details = {binding["name"]: binding for binding in get(api, "binding-details")}
        assert details["SEND_MAIL"]["breaker"] is None
        assert details["SEND_MAIL"]["limits"]["concurrency"] == 2
        reset = post(api, "bindings/SEND_MAIL/reset-limits")
        assert (reset["limits"], reset["overrides"], reset["declared"]) == ({}, {}, {})


def test_a_key_is_an_option_like_any_other(api: Served) -> None:
    params = {"concurrencyKey": "tenant-7"}
    made = post(api, "enqueue", {"binding": "ECHO", "params": params}, 201)
    assert made["params"] == params
    job = api.run(api.kiribi.find(made["id"]))
    assert job.options == {"concurrency_key": "tenant-7"}


def test_binding_details_are_what_a_worker_told(api: Served) -> None:
    with api.worker():
        details = {binding["name"]: binding for binding in get(api, "binding-details")}
    mail = details["SEND_MAIL"]
    assert mail["defaults"] == {"timeout": 30, "priority": 2}
    assert mail["schema"]["properties"]["to"] == {"title": "To", "type": "string"}
    assert mail["lastSeenAt"] is not None
    assert details["ECHO"]["schema"] is None


def test_workers(api: Served) -> None:
    with api.worker() as worker:
        [shown] = get(api, "workers")
        assert (shown["id"], shown["alive"], shown["deadReason"]) == (worker.id, True, None)
        assert shown["bindings"] == ["ECHO", "FAIL", "HOLD", "SEND_MAIL"]
        assert 0 < shown["lease"] <= 20_000


def test_a_job_in_quarantine_says_what_it_died_of(api: Served) -> None:
    job = api.job("HOLD")
    died = Exit(signal="SIGKILL", peak_memory=5_000_000)
    error = JobError("WorkerCrashed", "killed by SIGKILL", "", str(died), died)
    for _ in range(3):
        api.run(api.kiribi.store.enlist(WorkerInfo("w", bindings=("HOLD",)), 60_000))
        (held,) = api.run(api.kiribi.store.claim("w", ["HOLD"], 1))
        api.run(api.kiribi.store.apply([lifecycle.crash(held, error)]))
    (found,) = post(api, "search", {"filter": {"reason": "crashed"}})["jobs"]
    assert (found["id"], found["status"], found["reason"]) == (job.id, "FAILED", "crashed")
    exit = {"signal": "SIGKILL", "code": None, "peakMemory": 5_000_000}
    assert found["error"]["exit"] == exit
    attempts = get(api, f"jobs/{job.id}")["result"]
    assert [each["exit"] for each in attempts] == [exit] * 3
    (reason,) = get(api, f"jobs/{job.id}/explain")["reasons"]
    assert reason["code"] == "crashed"
    assert reason["params"] == {
        "crashes": 3,
        "signal": "SIGKILL",
        "code": None,
        "memory": 5_000_000,
    }
    assert post(api, f"jobs/{job.id}/retry")["crashes"] == 0
    assert post(api, "count", {"filter": {"reason": "crashed"}})["count"] == 0


def test_stats_are_totals_and_a_series(api: Served) -> None:
    api.ended("FAIL", {"why": "x"})
    api.ended("ECHO")
    stats = get(api, "stats?hours=1")
    assert stats["bucket"] == 60
    totals = {each["binding"]: each for each in stats["bindings"]}
    assert (totals["FAIL"]["failed"], totals["FAIL"]["failureRate"]) == (1, 1.0)
    assert (totals["ECHO"]["completed"], totals["ECHO"]["failureRate"]) == (1, 0.0)
    assert sum(step["enqueued"] for step in stats["series"]) == 2
    assert get(api, "stats?binding=ECHO")["bindings"][0]["binding"] == "ECHO"
    assert get(api, "stats?hours=100")["bucket"] == 86_400


def test_me(api: Served) -> None:
    assert get(api, "me") == {
        "user": None,
        "readOnly": False,
        "capabilities": [
            "jobs.read",
            "jobs.enqueue",
            "jobs.cancel",
            "jobs.retry",
            "jobs.delete",
            "bindings.pause",
            "bindings.limit",
            "schedules.change",
        ],
        "events": True,
        "version": __version__,
    }
