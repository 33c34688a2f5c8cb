"""`kiribi dev` and `kiribi serve` as a user runs them: over HTTP, with saves and signals."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli_world import APP, Running, Shell, until

ADDRESS = r"Dashboard  (http://127\.0\.0\.1:(\d+)/)\n"

GREETER = """
from kiribi import Performer
from words import GREETING

class Greet(Performer):
    async def perform(self, payload):
        return f"{GREETING}, {payload}"
"""


def call(url: str, body: Any = None) -> Any:
    """POST JSON, or GET; the JSON of the answer."""
    request = urllib.request.Request(url, headers={"Content-Type": "application/json"})
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def performed(address: str, binding: str, payload: Any) -> dict[str, Any]:
    """Enqueue over REST and wait for the end."""
    job = call(f"{address}api/enqueue", {"binding": binding, "payload": payload})

    def ended() -> dict[str, Any] | None:
        found = call(f"{address}api/jobs/{job['id']}")
        return found if found["status"] in ("COMPLETED", "FAILED") else None

    return until(ended, lambda: f"{job} has not ended")


def address(running: Running) -> str:
    return running.heard(ADDRESS)[1]


def test_dev_serves_reloads_and_stops(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(GREETER)
    (tmp_path / "words.py").write_text('GREETING = "Hello"\n')
    with Shell(tmp_path).start("dev", "app.py") as dev:
        dev.heard("the worker is ready")
        at = address(dev)
        assert performed(at, "GREET", "Ada")["returnValue"] == "Hello, Ada"

        (tmp_path / "words.py").write_text('GREETING = "Goodbye"\n')
        dev.heard(r"saved: words\.py")
        dev.heard("reloaded")
        assert performed(at, "GREET", "Ada")["returnValue"] == "Goodbye, Ada"

        (tmp_path / "words.py").write_text("GREETING =\n")
        dev.heard(r"SyntaxError: invalid syntax \(words\.py, line 1\)")
        dev.heard("waiting for the next save")
        assert performed(at, "GREET", "Ada")["returnValue"] == "Goodbye, Ada"

        (tmp_path / "words.py").write_text('GREETING = "Welcome back"\n')
        dev.heard("reloaded", times=2)
        assert performed(at, "GREET", "Ada")["returnValue"] == "Welcome back, Ada"

        assert dev.end() == 0, dev.said
        assert "Traceback" not in dev.said
    assert (tmp_path / "kiribi.db").exists()


REDACTING = """
from kiribi import Kiribi, Performer

class Greet(Performer):
    async def perform(self, payload):
        return "Hello"

class Default(Kiribi):
    def redact(self, binding, payload):
        return {"of": binding, "has": sorted(payload)}
"""


def test_dev_shows_what_redact_leaves(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text(REDACTING)
    with Shell(tmp_path).start("dev", "app.py") as dev:
        dev.heard("the worker is ready")
        at = address(dev)
        job = performed(at, "GREET", {"user": "Ada", "card": 4711})
        assert job["payload"] == {"of": "GREET", "has": ["card", "user"]}

        def shown() -> Any:
            [listed] = call(f"{at}api/search", {})["jobs"]
            assert call(f"{at}api/jobs/{job['id']}")["payload"] == listed["payload"]
            return listed["payload"]

        for times, (body, left) in enumerate(
            [
                ("return payload['user']", "Ada"),
                ("return 1 / 0", None),
                ("return {1, 2}", None),
                ("import os; os._exit(1)", None),
                ("return payload['card']", 4711),
                ("import time; time.sleep(60)", None),
            ],
            start=1,
        ):
            file.write_text(re.sub('return {"of.*', body, REDACTING))
            dev.heard("reloaded", times=times)
            assert shown() == left, body
        assert "ZeroDivisionError" in dev.said
        dev.heard("payloads are hidden until the next save: redact gave no answer", times=2)

        file.write_text(GREETER.replace("from words import GREETING", "GREETING = 'Hello'"))
        dev.heard("reloaded", times=7)
        assert shown() == {"user": "Ada", "card": 4711}
        assert dev.end() == 0, dev.said


def test_dev_runs_a_module(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "words.py").write_text('GREETING = "Hello"\n')
    (package / "jobs.py").write_text(GREETER.replace("from words", "from shop.words"))
    with Shell(tmp_path).start("dev", "shop.jobs") as dev:
        dev.heard("the worker is ready")
        (package / "words.py").write_text('GREETING = "Goodbye"\n')
        dev.heard("reloaded")
        assert performed(address(dev), "GREET", "Ada")["returnValue"] == "Goodbye, Ada"
        assert dev.end() == 0, dev.said


def test_dev_waits_for_an_application_that_starts_broken(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text('GREETING = "Hello"\n')
    (tmp_path / "app.py").write_text(GREETER.replace("class Greet", "klass Greet"))
    with Shell(tmp_path).start("dev", "app.py") as dev:
        dev.heard(r"SyntaxError: .* \(app\.py, line 5\)")
        dev.heard("waiting for the next save")
        hidden = call(f"{address(dev)}api/enqueue", {"binding": "LATER", "payload": "a secret"})
        assert hidden["payload"] is None, "who knows what redact would have left"
        (tmp_path / "app.py").write_text(GREETER)
        dev.heard("the worker is ready")
        assert performed(address(dev), "GREET", "Ada")["returnValue"] == "Hello, Ada"
        assert dev.end(signal.SIGTERM) == 0, dev.said


def test_dev_hands_running_jobs_back_when_it_ends(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    shell = Shell(tmp_path)
    with shell.start("dev", "app.py") as dev:
        dev.heard("the worker is ready")
        id = shell("enqueue", "HOLD", "1").out.strip()
        with shell.start("jobs", "show", id, "--watch", "--json") as watching:
            watching.heard("half way")
        dev.process.send_signal(signal.SIGINT)
        dev.heard("stopping")
        assert dev.end() == 0, dev.said
    job = json.loads(shell("jobs", "show", id, "--json").out)
    assert job["status"] in ("PENDING", "RETRY_PENDING")
    assert (job["failures"], job["crashes"]) == (0, 0)


def test_dev_takes_another_port_if_its_own_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        except OSError:
            pass  # somebody else has it: taken all the same
        with Shell(tmp_path).start("dev", "--no-traffic") as dev:
            assert dev.heard(ADDRESS)[2] != "8787"
            assert dev.end() == 0


@pytest.mark.timeout(120)
def test_the_demo_keeps_jobs_flowing(tmp_path: Path) -> None:
    with Shell(tmp_path, {"KIRIBI_DATABASE_URL": "sqlite:///mine.db"}).start("dev") as dev:
        at = address(dev)

        def ended() -> set[str] | None:
            beat = call(f"{at}api/pulse")
            seen = {each["binding"] for each in beat["bindings"] if each["counts"]["COMPLETED"]}
            return seen if len(seen) == 3 else None

        # what is flaky may be so for long
        call(f"{at}api/enqueue", {"binding": "FLAKY_JOB", "payload": {"chance": 0}})
        assert until(ended, lambda: dev.said) == {"FLAKY_JOB", "SLOW_JOB", "INDEX_MODULE"}
        indexed = performed(at, "INDEX_MODULE", {"module": "json.decoder"})["returnValue"]
        assert indexed["longest"]["name"]
        assert indexed["functions"] > 5
        native = performed(at, "INDEX_MODULE", {"module": "builtins"})
        assert native["error"]["message"] == "builtins has no Python source here"
        details = {each["name"]: each["schema"] for each in call(f"{at}api/binding-details")}
        assert details["FLAKY_JOB"]["properties"]["chance"]["maximum"] == 1
        assert dev.end() == 0, dev.said
    assert [path.name for path in tmp_path.glob("*.db")] == ["kiribi-demo.db"]


def test_serve_shows_what_redact_leaves_and_can_be_read_only(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    shell = Shell(tmp_path)
    id = shell("enqueue", "ECHO", '{"secret": 1}').out.strip()
    with shell.start("serve", "app.py", "--port", "0", "--read-only") as serve:
        at = address(serve)
        assert call(f"{at}api/jobs/{id}")["payload"] == "hidden"
        assert call(f"{at}api/me")["readOnly"]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            call(f"{at}api/enqueue", {"binding": "ECHO", "payload": 1})
        assert serve.end() == 0, serve.said
        assert re.search(r"Kiribi 0\.\S+ on sqlite:///kiribi\.db\n", serve.said)


def test_serve_asks_for_the_token(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"KIRIBI_TOKEN": "a long random text to be let in"})
    with shell.start("serve", "--port", "0") as serve:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            call(f"{address(serve)}api/pulse")
        assert serve.end(signal.SIGTERM) == 0
