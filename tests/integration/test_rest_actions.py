"""Bulk actions over REST: begun, carried out by whoever ticks, seen, aborted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Serve
from tests.integration.rest_world import Served

from kiribi import new_id


@pytest.fixture
def api(serve: Serve, tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "jobs.db") as api:
        yield api


def ask(api: Served, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = api.client.request(method, f"api/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def begin(api: Served, kind: str, filter: Any = None) -> Any:
    return ask(api, "POST", "actions", {"kind": kind, "filter": filter or {}}, 201)


def test_an_action_is_recorded_carried_out_and_seen(api: Served) -> None:
    for _ in range(3):
        api.job(first_delay=60)
    filter = {"binding": "ECHO", "createdBefore": "2096-01-01T00:00:00Z"}
    begun = begin(api, "cancel", filter)
    assert (begun["status"], begun["matched"], begun["finishedAt"]) == ("RUNNING", 0, None)
    assert begun["filter"] == {"binding": ["ECHO"], "createdBefore": "2096-01-01T00:00:00.000Z"}
    assert begun["who"] == "anybody at 127.0.0.1"
    assert ask(api, "GET", f"actions/{begun['id']}") == begun
    later = api.job(first_delay=60)
    api.run(api.kiribi.tick())
    ended = ask(api, "GET", f"actions/{begun['id']}")
    assert (ended["status"], ended["matched"], ended["done"]) == ("DONE", 3, 3)
    assert ended["finishedAt"] is not None
    assert ask(api, "GET", f"jobs/{later.id}")["status"] == "PENDING"


def test_actions_are_listed_in_pages(api: Served) -> None:
    ids = [begin(api, "retry")["id"] for _ in range(3)][::-1]
    page = ask(api, "GET", "actions?limit=2")
    assert ([action["id"] for action in page["actions"]], page["next"]) == (ids[:2], ids[1])
    page = ask(api, "GET", f"actions?before={page['next']}&limit=2")
    assert ([action["id"] for action in page["actions"]], page["next"]) == (ids[2:], None)


def test_abort(api: Served) -> None:
    job = api.job(first_delay=60)
    begun = begin(api, "delete")
    aborted = ask(api, "POST", f"actions/{begun['id']}/abort")
    assert (aborted["status"], aborted["matched"]) == ("ABORTED", 0)
    api.run(api.kiribi.tick())
    assert ask(api, "GET", f"jobs/{job.id}")["status"] == "PENDING"
    refused = ask(api, "POST", f"actions/{begun['id']}/abort", status=409)
    assert refused["error"]["code"] == "conflict"


def test_what_does_not_exist(api: Served) -> None:
    for method, path in (("GET", f"actions/{new_id()}"), ("POST", "actions/none/abort")):
        assert ask(api, method, path, status=404)["error"]["code"] == "action_not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {}}, "kind"),
        ({"kind": "cancel"}, "filter"),
        ({"kind": "explode", "filter": {}}, "kind"),
        ({"kind": "cancel", "filter": {"status": ["LOST"]}}, "filter.status"),
        ({"kind": "cancel", "filter": {}, "ids": []}, "ids"),
        ({"kind": "cancel", "filter": None}, "filter"),
    ],
)
def test_bad_input_begins_nothing(api: Served, body: Any, field: str) -> None:
    error = ask(api, "POST", "actions", body, 400)["error"]
    assert error["field"].startswith(field)
    assert ask(api, "GET", "actions") == {"actions": [], "next": None}
    for query in ("limit=0", "limit=x", "before=x"):
        assert ask(api, "GET", f"actions?{query}", status=400)["error"]["code"] == "invalid_input"


def test_who_is_on_record(tmp_path: Path) -> None:
    with Served(tmp_path / "jobs.db", token="secret") as api:
        body = {"kind": "retry", "filter": {}}
        bearer = {"Authorization": "Bearer secret"}
        by_token = api.client.post("api/actions", json=body, headers=bearer).json()
        by_name = api.client.post("api/actions", json=body, auth=("ann", "secret")).json()
        api.client.post("api/login", json={"token": "secret"})
        by_browser = api.client.post("api/actions", json=body).json()
        whos = [action["who"] for action in (by_token, by_name, by_browser)]
        assert whos == ["token at 127.0.0.1", "ann at 127.0.0.1", "browser at 127.0.0.1"]
