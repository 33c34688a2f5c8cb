"""The command line on PostgreSQL: databases and schemas apart, passwords hidden."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from tests.integration.cli_world import APP, Shell, until


@pytest.fixture
def shell(tmp_path: Path, postgres_url: str) -> Shell:
    (tmp_path / "app.py").write_text(APP)
    return Shell(tmp_path, {"KIRIBI_DATABASE_URL": postgres_url})


def test_worker_and_questions(shell: Shell) -> None:
    with shell.start("worker", "app.py", "--processes", "2") as worker:
        worker.heard("working: 2 processes .* on postgresql://")
        assert json.loads(shell("enqueue", "ECHO", '{"n": 1}', "--wait").out) == {"n": 1}
        shell("enqueue", "FAIL", '{"why": "no route"}', "--wait", code=1)
        assert "no route" in shell("jobs", "list", "--status", "FAILED").out
        assert "ECHO" in shell("jobs", "list", "--payload", "n=1").out
        assert "alive" in shell("workers").out
        id = shell("enqueue", "HOLD").out.strip()
        held = lambda: "PROCESSING" in shell("jobs", "show", id).out or None  # noqa: E731
        assert until(held, lambda: worker.said)
        shell("jobs", "cancel", id)
        assert "CANCELLED" in shell("jobs", "show", id, "--watch").out
        assert worker.end() == 0
    assert "No live worker serves" in shell("explain", shell("enqueue", "ECHO").out.strip()).out


def test_migrate_makes_a_schema_a_tenant(shell: Shell, postgres_url: str) -> None:
    one, two = (f"{postgres_url}?schema={name}" for name in ("one", "two"))
    assert shell("migrate", "--database", one).out.startswith("migrated: ")
    assert shell("migrate", "--database", one).out == "up to date\n"
    shell("enqueue", "ECHO", "1", "--database", one)
    shell("enqueue", "ECHO", "2", "--database", two)  # makes it
    for url, payload in ((one, 1), (two, 2)):
        (job,) = shell("jobs", "list", "--json", "--database", url).out.splitlines()
        assert json.loads(job)["payload"] == payload
    assert shell("jobs", "list", "--json").out == ""


def test_dev(shell: Shell) -> None:
    with shell.start("dev", "app.py", "--port", "0") as dev:
        url = dev.heard(r"Dashboard +(\S+)")[1]
        assert json.loads(shell("enqueue", "ECHO", "3", "--wait").out) == 3
        listed = httpx.post(f"{url}api/jobs", json={}).json()["results"]
        assert [job["binding"] for job in listed] == ["ECHO"]
        (shell.folder / "app.py").write_text(APP.replace("return payload", "return [payload]", 1))
        dev.heard("reload")
        assert json.loads(shell("enqueue", "ECHO", "3", "--wait").out) == [3]
        assert dev.end() == 0


def test_no_password_is_said(tmp_path: Path) -> None:
    url = "postgresql://ada:s3cret@127.0.0.1:1/jobs"
    failed = Shell(tmp_path, {"KIRIBI_DATABASE_URL": url})("jobs", "list", code=1)
    assert failed.err.startswith("error: database postgresql://ada:***@127.0.0.1:1/jobs: ")
    assert "s3cret" not in failed.err
