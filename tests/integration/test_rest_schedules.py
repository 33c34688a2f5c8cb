"""Recurring jobs over REST."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.conftest import Serve
from tests.integration.rest_world import Served

from kiribi import Every, Schedule

DAILY = {
    "name": "digest",
    "binding": "SEND_MAIL",
    "cron": "0 9 * * 1-5",
    "tz": "Asia/Tokyo",
    "payload": {"to": "ann", "tries": 1},
}


@pytest.fixture(scope="module")
def api(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("schedules") / "jobs.db") as served:
        yield served


@pytest.fixture(autouse=True)
def empty(api: Served) -> Iterator[None]:
    yield
    for info in api.run(api.kiribi.schedules.find_many()):
        api.run(api.kiribi.schedules.delete(info.name))


def ask(api: Served, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
    answer = api.client.request(method, f"api/schedules{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_a_schedule_and_all_that_can_be_done_with_it(api: Served) -> None:
    made = ask(api, "POST", body={**DAILY, "params": {"maxRetries": 4}}, status=201)
    next_at = datetime.fromisoformat(made["nextAt"])
    assert (next_at.hour, next_at.minute, next_at.isoweekday() < 6) == (0, 0, True)
    assert {**made, "nextAt": None, "createdAt": None} == {
        **DAILY,
        "every": None,
        "params": {"maxRetries": 4},
        "missed": "once",
        "overlap": True,
        "declared": False,
        "paused": False,
        "nextAt": None,
        "lastTickAt": None,
        "lastJob": None,
        "createdAt": None,
    }
    assert ask(api, "GET", "/digest") == made
    assert ask(api, "GET") == [made]
    assert ask(api, "GET", "?after=digest") == []

    times = ask(api, "GET", "/digest/next")
    assert (times["tz"], len(times["times"]), times["times"][0]) == (
        "Asia/Tokyo",
        5,
        made["nextAt"],
    )
    assert len(ask(api, "GET", "/digest/next?number=40")["times"]) == 40

    paused = ask(api, "POST", "/digest/pause")
    assert paused == {**made, "paused": True, "nextAt": None}
    assert ask(api, "GET", "/digest/next") == {"tz": "Asia/Tokyo", "times": []}
    job = ask(api, "POST", "/digest/run", status=201)
    assert (job["schedule"], job["tick"], job["params"]) == ("digest", None, {"maxRetries": 4})
    assert ask(api, "POST", "/digest/resume") == {
        **made,
        "lastJob": {"id": job["id"], "status": "PENDING"},
    }
    assert ask(api, "DELETE", "/digest", status=204) is None
    ask(api, "GET", "/digest", status=404)


def test_when_a_schedule_would_run(api: Served) -> None:
    def ticks(**asked: Any) -> Any:
        answer = api.client.get("api/ticks", params=asked)
        return answer.json() if answer.status_code == 200 else answer.json()["error"]["field"]

    made = ask(api, "POST", body=DAILY, status=201)
    assert ticks(cron=DAILY["cron"], tz=DAILY["tz"]) == ask(api, "GET", "/digest/next")
    assert ticks(cron=DAILY["cron"], tz=DAILY["tz"], number=1)["times"] == [made["nextAt"]]
    hours = ticks(every=3600)
    assert hours["tz"] is None
    assert [time[-10:] for time in hours["times"]] == ["00:00.000Z"] * 5
    assert ticks() == ticks(cron="") == ticks(cron="* * * * *", every=5) == "cron"
    assert ticks(cron="* * * * *", tz="Nowhere") == "tz"
    assert ticks(cron="61 * * * *") == "cron.minute"
    assert ticks(cron="0 0 30 2 *") == "cron.day-of-month"
    assert ticks(every=0.5) == "every"
    assert ticks(every=60, number=0) == "query.number"


def test_what_is_not_given_stays(api: Served) -> None:
    made = ask(api, "POST", body={**DAILY, "params": {"priority": 3}}, status=201)

    def changed(**given: Any) -> Any:
        after = ask(api, "PATCH", "/digest", given)
        return {name: after[name] for name in after if after[name] != made[name]}

    assert changed() == {}
    assert changed(missed="skip", overlap=False) == {"missed": "skip", "overlap": False}
    assert changed(missed="once", overlap=True, params=None) == {"params": None}
    assert changed(params={"priority": 3}, payload={"to": "bob"}) == {
        "payload": {"to": "bob", "tries": 1}
    }
    assert changed(payload={"to": "ann"}, tz="UTC").keys() == {"tz", "nextAt"}
    assert changed(tz="Asia/Tokyo", cron="0 10 * * 1-5").keys() == {"cron", "nextAt"}
    assert changed(every=60).keys() == {"cron", "tz", "every", "nextAt"}
    assert changed(cron="0 9 * * 1-5", tz="Asia/Tokyo") == {}


def test_the_job_of_a_tick_says_so(api: Served) -> None:
    made = ask(api, "POST", body={"name": "beat", "binding": "ECHO", "every": 1}, status=201)
    with api.worker():
        job = None
        while job is None:
            last = ask(api, "GET", "/beat")["lastJob"]
            job = last and api.until(last["id"], lambda job: job.status.is_final)
    shown = api.client.get(f"api/jobs/{job.id}").json()
    assert shown["schedule"] == "beat"
    assert datetime.fromisoformat(shown["tick"]) >= datetime.fromisoformat(made["nextAt"])
    reasons = api.client.get(f"api/jobs/{job.id}/explain").json()["reasons"]
    assert (reasons[-1]["code"], reasons[-1]["params"]["tick"]) == ("scheduled", shown["tick"])
    assert datetime.now(UTC) > datetime.fromisoformat(shown["tick"])


def test_payloads_are_redacted(api: Served) -> None:
    hidden = {"name": "secret", "binding": "ECHO", "every": 3600, "payload": {"password": "x"}}
    assert ask(api, "POST", body=hidden, status=201)["payload"] == {"password": "***"}
    assert ask(api, "GET")[0]["payload"] == {"password": "***"}


@pytest.mark.parametrize(
    ("body", "status", "code", "field", "says"),
    [
        (
            {"cron": "0 25 * * *"},
            400,
            "invalid_input",
            "cron.hour",
            "'25' is not allowed; give 0-23",
        ),
        ({"cron": "daily"}, 400, "invalid_input", "cron", "give five fields: minute hour"),
        ({"cron": None}, 400, "invalid_input", "cron", "string"),
        ({"tz": "Asia/Tokio"}, 400, "invalid_input", "tz", "did you mean 'Asia/Tokyo'"),
        ({"every": 60}, 400, "invalid_input", "every", "give either cron and tz, or every"),
        ({"params": {"unique": True}}, 400, "invalid_input", "params.unique", "overlap=False"),
        ({"name": "a b"}, 400, "invalid_input", "name", "not beginning with a digit"),
        ({"binding": "NOBODY"}, 422, "unknown_binding", "binding", "known are"),
        ({"payload": {"to": 3}}, 422, "invalid_payload", "payload.to", "valid string"),
        ({"missed": "never"}, 400, "invalid_input", "missed", "'once', 'all' or 'skip'"),
        ({"params": {"maxRetries": 0}}, 400, "invalid_input", "params.maxRetries", "from 1"),
        ({"params": {"firstDelay": 1}}, 400, "invalid_input", "params.firstDelay", "no such field"),
        ({"timezone": "UTC"}, 400, "invalid_input", "timezone", "no such field"),
    ],
)
def test_mistakes(
    api: Served, body: dict[str, Any], status: int, code: str, field: str, says: str
) -> None:
    error = ask(api, "POST", body={**DAILY, **body}, status=status)["error"]
    assert (error["code"], error["field"]) == (code, field)
    assert says in error["message"]
    assert ask(api, "GET") == []


def test_neither_nor(api: Served) -> None:
    given = {"name": "x", "binding": "ECHO"}
    assert ask(api, "POST", body=given, status=400)["error"]["field"] == "cron"
    assert ask(api, "POST", body={**given, "tz": "UTC"}, status=400)["error"]["field"] == "cron"
    ask(api, "POST", body={**given, "every": 60}, status=201)
    assert ask(api, "PATCH", "/x", {"tz": "UTC"}, 400)["error"]["field"] == "tz"


def test_conflicts_and_what_is_not_there(api: Served) -> None:
    made = ask(api, "POST", body=DAILY, status=201)
    assert ask(api, "POST", body=DAILY, status=201) == made
    error = ask(api, "POST", body={**DAILY, "missed": "all"}, status=409)["error"]
    assert error["code"] == "schedule_conflict"
    for method, path in (
        *(("GET", ""), ("DELETE", ""), ("GET", "/next"), ("POST", "/pause")),
        *(("POST", "/resume"), ("POST", "/run")),
    ):
        error = ask(api, method, f"/nothing{path}", status=404)["error"]
        assert error["code"] == "schedule_not_found"
    assert ask(api, "PATCH", "/nothing", {}, 404)["error"]["code"] == "schedule_not_found"


def test_a_zone_that_is_not_known_here_is_shown_all_the_same(api: Served) -> None:
    import dataclasses

    from kiribi._scheduled import ScheduleChange

    info = api.run(api.kiribi.schedules.create("far", "ECHO", Schedule(Every(60))))
    ask(api, "PATCH", "/far", {"cron": "0 9 * * *", "tz": "Asia/Tokyo"})
    info = api.run(api.kiribi.schedules.find("far"))
    text = info.definition.replace("Tokyo", "Atlantis")
    change = ScheduleChange(info, dataclasses.replace(info, definition=text))
    api.run(api.kiribi.store.change_schedules([change]))
    assert ask(api, "GET", "/far")["tz"] == "Asia/Atlantis"
    assert ask(api, "GET", "/far/next", status=400)["error"]["field"] == "tz"


def test_read_only(tmp_path: Any) -> None:
    with Served(tmp_path / "jobs.db", read_only=True) as api:
        assert ask(api, "GET") == []
        error = ask(api, "POST", body=DAILY, status=403)["error"]
        assert "schedules.change is not granted" in error["message"]
