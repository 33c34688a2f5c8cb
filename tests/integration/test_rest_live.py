"""Pulse, events and the server's own life: nothing here waits by sleeping."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.conftest import Serve
from tests.integration.rest_world import SECONDS, Served

from kiribi import InvalidInput, JobStatus, Kiribi
from kiribi.search import BindingCounts, Pulse
from kiribi.web import events, pulse
from kiribi.web.app import create_app
from kiribi.web.pulse import Pulses, beat
from kiribi.web.server import PORT, is_loopback, listen


@pytest.fixture
def api(serve: Serve, tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "jobs.db") as served:
        yield served


def test_pulse_is_not_modified_until_a_job_changes(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "FRESH_SECONDS", 0.0)
    api.job(first_delay=60)
    first = api.client.get("api/pulse")
    assert first.status_code == 200
    assert first.json()["counts"] == {**dict.fromkeys(JobStatus, 0), "PENDING": 1}
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.client.get("api/pulse", headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    api.job(first_delay=60)
    changed = api.client.get("api/pulse", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert changed.json()["cursor"] > first.json()["cursor"]
    assert changed.json()["bindings"][0]["counts"]["PENDING"] == 2


def test_however_many_ask_the_store_is_asked_once_a_second(tmp_path: Path) -> None:
    async def many() -> int:
        looks = 0

        class Counting(Kiribi):
            async def pulse(self) -> Pulse:
                nonlocal looks
                looks += 1
                return await super().pulse()

        async with Counting.connect(f"sqlite:///{tmp_path}/jobs.db") as kiribi:
            pulses = Pulses(kiribi)
            await asyncio.gather(*(pulses.current() for _ in range(100)))
        return looks

    assert asyncio.run(many()) == 1


@pytest.mark.parametrize(
    ("taken", "level", "message"),
    [
        (Pulse(1, (), None, (), (), 0), "ok", "0 jobs running, 0 workers"),
        (
            Pulse(1, (BindingCounts("A", {JobStatus.PROCESSING: 1}),), None, (), (), 1),
            "ok",
            "1 job running, 1 worker",
        ),
        (Pulse(1, (), 999_000, (), (), 1), "ok", "0 jobs running, 1 worker"),
        (Pulse(1, (), 1_000, (), (), 1), "warn", "Due jobs have been waiting for over a minute"),
        (Pulse(1, (), 1_000, ("A",), (), 0), "bad", "Jobs are due and no worker is alive"),
        (Pulse(1, (), None, ("A", "B"), (), 1), "warn", "No live worker serves A, B"),
        (Pulse(1, (), None, (), ("A",), 1), "warn", "Paused: A"),
    ],
)
def test_health_is_one_line_the_worst_first(taken: Pulse, level: str, message: str) -> None:
    assert beat(taken, 1_000_000)["health"] == {"level": level, "message": message}


class Stream:
    """An open stream."""

    def __init__(self, api: Served) -> None:
        self._client = httpx.Client(timeout=SECONDS)
        self._stream = self._client.stream("GET", f"{api.url}api/events")

    def __enter__(self) -> Stream:
        self.answer = self._stream.__enter__()
        self._lines = self.answer.iter_lines()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stream.__exit__(None, None, None)
        self._client.close()

    def next(self) -> tuple[str, Any]:
        """The next event: its name and data, or a comment."""
        found = dict(line.split(":", 1) for line in iter(lambda: next(self._lines), "") if line)
        if "" in found:
            return "comment", found[""].strip()
        return found["event"].strip(), json.loads(found["data"])

    def over(self) -> bool:
        """Whether nothing follows."""
        return next(self._lines, None) is None


def test_events_push_the_pulse_when_it_changes(api: Served) -> None:
    with Stream(api) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.answer.headers["cache-control"] == "no-store"
        name, first = stream.next()
        assert (name, first["counts"]["PENDING"]) == ("pulse", 0)
        api.job(first_delay=60)
        name, second = stream.next()
        assert (name, second["counts"]["PENDING"]) == ("pulse", 1)
        assert second["cursor"] > first["cursor"]


def test_a_change_made_before_the_look_it_was_missed_by_is_not_lost(api: Served) -> None:
    # the stream begins with a pulse that somebody else's look made, before the job
    api.client.get("api/pulse")
    api.job(first_delay=60)
    with Stream(api) as stream:
        counts = [stream.next()[1]["counts"]["PENDING"] for _ in range(2)]
        assert counts == [0, 1]


def test_a_silent_stream_shows_that_it_lives(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(events, "FRESH_SECONDS", 0.05)
    with Stream(api) as stream:
        assert stream.next()[0] == "pulse"
        assert stream.next() == ("comment", "still here")


def test_a_stream_ends_when_its_client_leaves_and_the_others_go_on(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    whole = events.Events.stream

    async def watched(self: events.Events) -> Any:
        try:
            async for event in whole(self):
                yield event
        finally:
            ended.set()

    monkeypatch.setattr(events.Events, "stream", watched)
    with Stream(api) as staying:
        with Stream(api) as leaving:
            staying.next()
            leaving.next()
            assert not ended.is_set()
        assert ended.wait(SECONDS)
        api.job(first_delay=60)
        assert staying.next()[1]["counts"]["PENDING"] == 1


def test_the_server_stops_gracefully_with_streams_open(api: Served) -> None:
    with Stream(api) as one, Stream(api) as other:
        one.next()
        other.next()
        api.stop()
        assert one.over()
        assert other.over()


def test_it_stops_when_its_task_is_cancelled(tmp_path: Path) -> None:
    from kiribi.web.server import serve

    async def cancelled() -> None:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with Kiribi.connect(f"sqlite:///{tmp_path}/jobs.db") as kiribi:
            serving = asyncio.create_task(serve(kiribi, announce=ready.set_result))
            url = await ready
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"{url}api/me")).status_code == 200
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            async with httpx.AsyncClient() as client:
                with pytest.raises(httpx.ConnectError):
                    await client.get(f"{url}api/me")

    asyncio.run(cancelled())


def test_without_a_port_it_takes_a_free_one(tmp_path: Path) -> None:
    with Served(tmp_path / "1.db") as one, Served(tmp_path / "2.db") as other:
        ports = [httpx.URL(api.url).port for api in (one, other)]
        assert len(set(ports)) == 2
        for port in ports:
            assert port is not None
            assert port >= PORT


def test_a_given_port_is_used_or_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(InvalidInput, match=rf"port: {port} is not allowed; .* cannot be"),
            Served(tmp_path / "jobs.db", port=port),
        ):
            pass
    with Served(tmp_path / "jobs.db", port=port) as api:
        assert api.url == f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_public_address_needs_a_token(tmp_path: Path, host: str) -> None:
    with (
        pytest.raises(InvalidInput, match=r"without a token .* set KIRIBI_TOKEN"),
        Served(tmp_path / "jobs.db", host=host),
    ):
        pass


def test_with_a_token_it_listens_everywhere_and_answers_bare_addresses(tmp_path: Path) -> None:
    with Served(tmp_path / "jobs.db", host="0.0.0.0", token="secret") as api:
        port = httpx.URL(api.url).port
        for host, status in (
            (f"127.0.0.1:{port}", 401),
            ("192.0.2.1", 401),
            (socket.gethostname(), 401),
            ("evil.example", 403),
        ):
            answer = httpx.get(f"http://127.0.0.1:{port}/api/me", headers={"Host": host})
            assert answer.status_code == status, host


@pytest.mark.parametrize("host", ["", "no such host", "999.1.1.1", "a" * 300, "\0"])
def test_an_unknown_address_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="host"):
        is_loopback(host)
    with pytest.raises(InvalidInput, match="host"):
        listen(host, None)


@pytest.mark.parametrize("port", [-1, 65_536, 10**20])
def test_an_impossible_port_is_refused(port: int) -> None:
    with pytest.raises(InvalidInput, match="port"):
        listen("127.0.0.1", port).close()


def test_a_failure_of_ours_tells_nothing(tmp_path: Path) -> None:
    async def failed() -> httpx.Response:
        async with Kiribi.connect(f"sqlite:///{tmp_path}/jobs.db") as kiribi:
            app = create_app(kiribi)
            del app.state.pulses
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.get("/api/pulse")

    answer = asyncio.run(failed())
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"code": "internal", "message": "the server failed; its log says why"}
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
