"""`--url`: commands on a manager elsewhere say the same, and what they can't, clearly."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.dashboard.seed import Seed
from tests.integration.cli_world import TOKEN, Shell, until
from tests.integration.rest_world import Served

from kiribi import Kiribi, Unique
from kiribi.action import ActionStatus
from kiribi.cli import main
from kiribi.schedule import Every, Schedule

Say = Callable[..., tuple[str, str]]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `kiribi …` in this process: its output and its messages."""
    for name in ("KIRIBI_DATABASE_URL", "KIRIBI_URL", "KIRIBI_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        assert main(words) == code, capsys.readouterr()
        return capsys.readouterr()

    return run


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "jobs.db", token=TOKEN) as served:
        yield served


def there(served: Served) -> tuple[str, ...]:
    return "--url", served.url, "--token", TOKEN


def test_both_ways_say_the_same(served: Served, tmp_path: Path, say: Say) -> None:
    async def fill(kiribi: Kiribi) -> list[str]:
        await Seed(kiribi).some_of_each()
        first = await kiribi.enqueue("ECHO", 1, first_delay=3600, concurrency_key="k")
        last = await kiribi.enqueue("ECHO", 2, after=[first], after_failed="run")
        await kiribi.enqueue("ECHO", 3, unique=Unique(by=("payload",), on_conflict="replace"))
        await kiribi.limit("SEND_MAIL", concurrency=2, retry_budget={"failures": 3})
        await kiribi.pause("RESIZE_IMAGE")
        every = Schedule(Every(60), [1], missed="skip", overlap=False, options={"priority": 2})
        await kiribi.schedules.create("beat", "ECHO", every)
        await kiribi.schedules.run_now("beat")
        filter = {"binding": "ECHO", "created_before": 1_000, "status": ["PENDING"]}
        action = await kiribi.start_action("cancel", filter, who="ann")
        await kiribi.abort(action.id)
        jobs = (await kiribi.find_many()).jobs
        assert last.id in {job.id for job in jobs}
        return [job.id for job in jobs] + [action.id]

    *ids, action = served.run(fill(served.kiribi))
    database = ("--database", f"sqlite:///{tmp_path}/jobs.db")
    asked = [
        *(("jobs", "show", id) for id in ids),
        *(("explain", id) for id in ids),
        *(("jobs", "logs", id) for id in ids),
        *(("batch", id) for id in ids),
        *(("bindings",), ("stats",), ("failures",), ("workers",), ("jobs", "list")),
        *(("actions", "list"), ("actions", "show", action)),
        *(("schedules", "list"), ("schedules", "show", "beat"), ("sweep", "--dry-run")),
        ("jobs", "list", "-s", "failed", "-s", "pending", "-p", "user.id=42", "--since", "1h"),
        ("jobs", "list", "--limit", "3", "--before", ids[3]),
    ]
    for words in asked:
        here, elsewhere = (say(*words, "--json", *where)[0] for where in (database, there(served)))
        assert moving(here) == moving(elsewhere), words
    for words in (("jobs", "show", ids[0]), ("stats",), ("bindings",), ("jobs", "list")):
        here, elsewhere = (say(*words, *where)[0] for where in (database, there(served)))
        assert len(here.splitlines()) == len(elsewhere.splitlines()), words


def moving(text: str) -> list[Any]:
    """Lines of JSON, without what is another a moment later."""
    told = [json.loads(line) for line in text.splitlines()]
    for one in told:
        for name in ("lease", "since", "seconds", "throughput", "failureRate"):
            one.pop(name, None)
        for reason in one.get("reasons", ()):
            reason["message"] = "".join(c for c in reason["message"] if not c.isdigit())
            reason.pop("params")
    return told


def test_an_edit_leaves_alone_what_it_may_not_see(served: Served, say: Say) -> None:
    secret = {"password": "hunter2", "to": "ada"}
    served.run(served.kiribi.schedules.create("nightly", "ECHO", Schedule(Every(60), secret)))
    out, _ = say("schedules", "edit", "nightly", "--every", "2h", "--json", *there(served))
    assert (json.loads(out)["payload"]["password"], json.loads(out)["every"]) == ("***", 7200)
    stored = served.run(served.kiribi.schedules.find("nightly")).schedule
    assert (stored.payload, stored.when) == (secret, Every(7200))


def test_bulk_actions_are_carried_out_there(served: Served, say: Say) -> None:
    served.run(served.kiribi.enqueue_many([("ECHO", None)] * 3))
    begun, _ = say("jobs", "cancel", "-b", "ECHO", "--yes", "--background", *there(served))
    assert say("actions", "abort", begun.strip(), *there(served))[0] == "aborted after 0 jobs\n"
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.05):
            served.run(served.kiribi.tick())

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        out, _ = say("jobs", "cancel", "-b", "ECHO", "--yes", *there(served))
    finally:
        ended.set()
        ticking.join()
    assert out == "cancelled: 3\n"
    first, *_ = served.run(served.kiribi.actions())
    assert (first.status, first.who) == (ActionStatus.DONE, "token at 127.0.0.1")


def test_ctrl_c_aborts_it(served: Served, tmp_path: Path) -> None:
    served.run(served.kiribi.enqueue_many([("ECHO", None)] * 3))
    words = ("jobs", "cancel", "-b", "ECHO", "--yes")
    with Shell(tmp_path).start(*words, *there(served)) as cancelling:
        [begun] = until(lambda: served.run(served.kiribi.actions()) or None, str)
        assert cancelling.end(signal.SIGINT) == 130
        assert cancelling.said == f"aborted action {begun.id}\n"
    assert served.run(served.kiribi.action(begun.id)).status is ActionStatus.ABORTED


def test_who_is_not_let_in(served: Served, say: Say) -> None:
    for token in ((), ("--token", "a-wrong-secret")):
        _, err = say("jobs", "list", "--url", served.url, *token, code=1)
        assert "(--token or KIRIBI_TOKEN)" in err
        assert "secret" not in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("migrate", "--url", "https://jobs.example.org"), "needs the database itself"),
        (("migrate", "--database", "https://u:hunter2@example.org"), "--database: 'https://u:***@"),
        (("serve", "-d", "https://jobs.example.org"), "needs the database itself"),
        (("enqueue", "A", "--url", "https://jobs.example.org", "--app", "app.py"), "leave it out"),
        (("jobs", "list", "--url", "https://ann:hunter2@example.org"), "give --token"),
        (("jobs", "list", "--url", "https:///x"), "give an address such as"),
        (("jobs", "list", "--url", "https://jobs.example.org/?a=b"), "give an address such as"),
        (("jobs", "list", "--url", "ftp://jobs.example.org"), "give sqlite:///jobs.db"),
    ],
)
def test_mistakes(words: tuple[str, ...], says: str, say: Say) -> None:
    _, err = say(*words, "--token", TOKEN, code=2) if "jobs" in words else say(*words, code=2)
    assert says in err
    assert "hunter2" not in err
    assert TOKEN not in err


def test_what_is_no_manager(say: Say) -> None:
    for status, headers, body, says in (
        (200, {"content-type": "text/html"}, b"<p>hello", "it answered 200 text/html"),
        (502, {}, b"", "it answered 502"),
        (500, {}, b"[]", "it answered 500"),
        (302, {"location": "https://team.cloudflareaccess.com"}, b"", "set CF_ACCESS_CLIENT_ID"),
    ):
        with answering(status, headers, body) as (url, heard):
            _, err = say("jobs", "list", "--url", url, "--token", TOKEN, code=1)
        assert says in err
        assert TOKEN not in err
        assert [path for path, _ in heard] == ["/api/search"]  # no redirect was followed
    with answering(200, {}, b"") as (url, _):
        pass
    _, err = say("jobs", "list", "--url", url, "--token", TOKEN, code=1)
    assert f"{url} cannot be asked: " in err


def test_a_service_token_of_access(monkeypatch: pytest.MonkeyPatch, say: Say) -> None:
    monkeypatch.setenv("CF_ACCESS_CLIENT_ID", "the-id")
    monkeypatch.setenv("CF_ACCESS_CLIENT_SECRET", "the-secret")
    with answering(200, {"content-type": "application/json"}, b"[]") as (url, heard):
        say("workers", "--url", f"{url}/ops/")
    [(path, headers)] = heard
    assert path == "/ops/api/workers"
    given = ("CF-Access-Client-Id", "CF-Access-Client-Secret", "Authorization")
    assert [headers[name] for name in given] == ["the-id", "the-secret", None]
    assert headers["User-Agent"].startswith("kiribi/")


def test_the_environment_names_it_too(
    served: Served, monkeypatch: pytest.MonkeyPatch, say: Say
) -> None:
    monkeypatch.setenv("KIRIBI_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    monkeypatch.setenv("KIRIBI_URL", served.url)
    monkeypatch.setenv("KIRIBI_TOKEN", TOKEN)
    assert say("jobs", "list")[0] == "No jobs.\n"
    assert TOKEN not in say("jobs", "list", "--help")[0]


@contextmanager
def answering(status: int, headers: dict[str, str], body: bytes) -> Generator[tuple[str, list]]:
    """A server that always answers the same; what it was asked, with which headers."""
    heard: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append((self.path, self.headers))
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
