"""Who is let in: credentials, sessions, hosts, origins, read-only."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, time
from typing import Any

import httpx
import pytest
from tests.integration.conftest import Serve
from tests.integration.rest_world import Served

from kiribi.web import auth, throttle

TOKEN = "a long random tökén"


@pytest.fixture(scope="module")
def api(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("token") / "jobs.db", token=TOKEN) as served:
        yield served


@pytest.fixture(scope="module")
def open_api(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("open") / "jobs.db") as served:
        yield served


@pytest.fixture(autouse=True)
def many_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "FAILURES", 10_000)


@pytest.fixture(autouse=True)
def nobody_signed_in(api: Served) -> None:
    api.client.cookies.clear()


def bearer(token: str = TOKEN) -> dict[str, bytes]:
    return {"Authorization": f"Bearer {token}".encode()}


def basic(user: str = "ann", password: str = TOKEN) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def routes(api: Served) -> list[tuple[str, str]]:
    document = api.client.get("api/openapi.json", headers=bearer()).json()
    return [
        (method.upper(), path.lstrip("/").replace("{id}", "x").replace("{name}", "X"))
        for path, operations in document["paths"].items()
        for method in operations
    ] + [("GET", "api/openapi.json")]


def test_every_route_but_login_needs_credentials(api: Served) -> None:
    found = routes(api)
    assert len(found) > 25
    for method, path in found:
        if path == "api/login":
            continue
        for headers in ({}, bearer("wrong") if path == "api/me" else {}):
            answer = api.client.request(method, path, headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["error"]["code"] == "unauthorized"
            assert answer.headers["www-authenticate"] == 'Bearer realm="Kiribi"'


@pytest.mark.parametrize(
    ("headers", "status", "user"),
    [
        (bearer(), 200, None),
        ({"Authorization": b"bearer  " + TOKEN.encode()}, 200, None),
        (basic(), 200, "ann"),
        (basic(""), 200, None),
        (bearer("wrong"), 401, None),
        (bearer(TOKEN + "x"), 401, None),
        (bearer(TOKEN[:-1]), 401, None),
        ({"Authorization": "Bearer"}, 401, None),
        (basic(password="wrong"), 401, None),
        ({"Authorization": "Basic !!!"}, 401, None),
        ({"Authorization": "Basic " + base64.b64encode(b"no colon").decode()}, 401, None),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()}, 401, None),
        ({"Authorization": "Digest x"}, 401, None),
        ({"Cookie": "kiribi_session=1.2.3"}, 401, None),
        ({"Cookie": "kiribi_session="}, 401, None),
        ({"Cookie": "kiribi_session=9999999999.x."}, 401, None),
    ],
)
def test_credentials(api: Served, headers: Any, status: int, user: str | None) -> None:
    answer = api.client.get("api/me", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["user"] == user


def signed_in(api: Served) -> str:
    answer = api.client.post("api/login", json={"token": TOKEN})
    assert answer.status_code == 204
    return answer.cookies[auth.COOKIE]


def test_a_session_is_an_http_only_cookie_without_the_token(api: Served) -> None:
    answer = api.client.post("api/login", json={"token": TOKEN})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("kiribi_session=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={auth.SESSION_SECONDS}"):
        assert part in cookie
    assert "Secure" not in cookie  # the test asks over http
    assert TOKEN not in cookie
    assert api.client.get("api/me").status_code == 200


def test_a_session_ends_by_logout_and_stays_ended(api: Served) -> None:
    session = signed_in(api)
    answer = api.client.post("api/logout")
    assert answer.status_code == 204
    assert 'kiribi_session=""' in answer.headers["set-cookie"]
    stolen = {"Cookie": f"kiribi_session={session}"}
    assert httpx.get(f"{api.url}api/me", headers=stolen).status_code == 401


def test_a_session_ends_by_itself(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(api)
    later = time() + auth.SESSION_SECONDS + 1
    monkeypatch.setattr(auth, "time", lambda: later)
    assert api.client.get("api/me").status_code == 401


def test_a_session_cannot_be_prolonged_or_carried_to_another_token(
    api: Served, tmp_path: Path
) -> None:
    end, nonce, signature = signed_in(api).split(".")
    longer = {"Cookie": f"kiribi_session={int(end) + 1}.{nonce}.{signature}"}
    assert httpx.get(f"{api.url}api/me", headers=longer).status_code == 401
    with Served(tmp_path / "other.db", token="another token") as other:
        same = {"Cookie": f"kiribi_session={end}.{nonce}.{signature}"}
        assert httpx.get(f"{other.url}api/me", headers=same).status_code == 401


def test_the_cookie_is_secure_behind_tls(api: Served) -> None:
    # as a proxy on this machine says it
    answer = api.client.post(
        "api/login", json={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"}
    )
    assert "Secure" in answer.headers["set-cookie"]


def test_guessing_is_slowed_down_but_sessions_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "FAILURES", 10)
    with Served(tmp_path / "jobs.db", token=TOKEN) as api:
        check_guessing(api, monkeypatch)


def check_guessing(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    session = {"Cookie": f"kiribi_session={signed_in(api)}"}
    fresh = httpx.Client(base_url=api.url)
    for number in range(throttle.FAILURES):
        answer = (
            fresh.get("api/me", headers=bearer(f"guess {number}"))
            if number % 2
            else fresh.post("api/login", json={"token": f"guess {number}"})
        )
        assert answer.status_code == 401
    for answer in (
        fresh.post("api/login", json={"token": TOKEN}),
        fresh.get("api/me", headers=bearer()),
        fresh.get("api/me", headers=basic()),
    ):
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "too_many_failures"
        assert 0 < int(answer.headers["retry-after"]) <= 60
    assert fresh.get("api/me", headers=session).status_code == 200
    later = monotonic() + throttle.SECONDS + 1
    monkeypatch.setattr(throttle, "monotonic", lambda: later)
    assert fresh.get("api/me", headers=bearer()).status_code == 200
    fresh.close()


def test_failures_are_counted_by_address_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "FAILURES", 2)
    monkeypatch.setattr(throttle, "ADDRESSES", 3)
    failures = throttle.Throttle()
    for address in ("192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::ffff:1", "unix"):
        failures.failed(address)
    assert failures.seconds_left("192.0.2.1") > 0
    assert failures.seconds_left("192.0.2.2") == 0
    assert failures.seconds_left("2001:db8::2") > 0  # one customer has them all
    assert failures.seconds_left("2001:db8:0:1::1") == 0
    assert failures.seconds_left("unix") == 0
    failures.failed("192.0.2.3")
    assert failures.seconds_left("192.0.2.1") == 0


def test_no_answer_and_no_log_repeats_a_secret(
    api: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "wrong-but-secret"
    answers = [
        api.client.post("api/login", json=body)
        for body in ({"token": wrong}, {"token": [wrong]}, {"tokken": wrong}, [wrong], wrong)
    ]
    answers += [
        api.client.get("api/me", headers=bearer(wrong)),
        api.client.get("api/me", headers=basic(password=wrong)),
        api.client.post("api/login", json={"token": TOKEN}),
        api.client.get("api/openapi.json", headers=bearer()),
    ]
    said = "\n".join([*(answer.text for answer in answers), caplog.text])
    assert wrong not in said
    assert TOKEN not in said


def test_pages_are_shown_to_everybody(api: Served) -> None:
    assert "<html" in api.client.get("").text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:8000", 200),
        ("localhost.", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("10.0.0.1", 403),
        ("", 400),
        ("localhost:port", 400),
        ("user@localhost", 400),
        ("local host", 400),
        ("*", 400),
    ],
)
def test_hosts(open_api: Served, host: str, status: int) -> None:
    for path in ("api/me", ""):
        answer = open_api.client.get(path, headers={"Host": host})
        assert answer.status_code == status, answer.text
    if status != 200:
        code = answer.json()["error"]["code"]
        assert code == ("host_not_allowed" if status == 403 else "invalid_host")


def test_further_hosts_can_be_allowed(tmp_path: Path) -> None:
    with Served(tmp_path / "jobs.db", allowed_hosts=["Jobs.example:8787"]) as api:
        for host, status in (("jobs.example", 200), ("localhost", 200), ("evil.example", 403)):
            assert api.client.get("api/me", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # no browser
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),  # another port of this machine
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "<own>"}, False),
        ({"Origin": "<own>"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Origin": "http://127.0.0.1"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
    ],
)
def test_origins_of_writes(open_api: Served, headers: dict[str, str], allowed: bool) -> None:
    own = str(httpx.URL(open_api.url).join("/")).rstrip("/")
    headers = {name: own if value == "<own>" else value for name, value in headers.items()}
    job = open_api.job(first_delay=60)
    before = open_api.snapshot()
    writes = [
        ("POST", "api/enqueue", {"binding": "ECHO"}),
        ("POST", "api/jobs/create", {"binding": "ECHO", "payload": "1"}),
        ("POST", "api/login", {"token": "x"}),
        ("PATCH", f"api/jobs/{job.id}/cancel", None),
        ("DELETE", f"api/jobs/{job.id}", None),
        ("DELETE", "api/jobs/delete", [job.id]),
    ]
    for method, path, body in writes:
        answer = open_api.client.request(method, path, json=body, headers=headers)
        if allowed:
            assert answer.is_success, answer.text
        else:
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "foreign_origin"
    assert (open_api.snapshot() == before) is not allowed
    assert open_api.client.get("api/me", headers=headers).status_code == 200


def test_read_only_changes_nothing(tmp_path: Path) -> None:
    with Served(tmp_path / "jobs.db", read_only=True) as api:
        job = api.job(first_delay=60)
        action = api.run(api.kiribi.start_action("run_now", {}))
        before = api.snapshot()
        for method, path, body in [
            ("POST", "api/enqueue", {"binding": "ECHO"}),
            ("POST", "api/enqueue-many", [{"binding": "ECHO"}]),
            ("POST", "api/perform", {"binding": "ECHO"}),
            ("POST", "api/jobs/create", {"binding": "ECHO", "payload": "1"}),
            ("POST", "api/jobs/cancel", {"ids": [job.id]}),
            ("POST", "api/jobs/retry", {"ids": [job.id]}),
            ("POST", "api/batches", {"jobs": [], "then": {"binding": "ECHO"}}),
            ("POST", "api/actions", {"kind": "cancel", "filter": {}}),
            ("POST", "api/actions", {"kind": "delete", "filter": {}}),
            ("POST", f"api/actions/{action.id}/abort", None),
            ("POST", "api/jobs/run-now", {"ids": [job.id]}),
            ("POST", "api/jobs/delete-many", {"ids": [job.id]}),
            ("POST", f"api/jobs/{job.id}/retry", None),
            ("POST", f"api/jobs/{job.id}/run-now", None),
            ("POST", "api/sweep", {"olderThan": 0, "statuses": "*"}),
            ("POST", "api/recover", None),
            ("POST", "api/bindings/ECHO/pause", None),
            ("POST", "api/bindings/ECHO/limit", {"concurrency": 1}),
            ("POST", "api/bindings/ECHO/reset-limits", None),
            ("POST", "api/bindings/ECHO/resume", None),
            ("PATCH", f"api/jobs/{job.id}/cancel", None),
            ("DELETE", f"api/jobs/{job.id}", None),
            ("DELETE", "api/jobs/delete", [job.id]),
        ]:
            answer = api.client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_granted"), (
                path
            )
        assert api.snapshot() == before
        me = api.client.get("api/me").json()
        assert (me["readOnly"], me["capabilities"]) == (True, ["jobs.read"])
        for path in ("jobs", "search", "count"):
            assert api.client.post(f"api/{path}", json={}).status_code == 200


def test_every_answer_is_hardened(open_api: Served) -> None:
    for path in ("", "api/me", "api/nothing", "icon.svg"):
        headers = open_api.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_an_empty_token_is_no_token(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="token"), Served(tmp_path / "jobs.db", token=" "):
        pass
