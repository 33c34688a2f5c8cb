"""Every command of the CLI, as a process, on a file that a worker process serves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli_world import APP, Shell, command, served, until

from kiribi import Kiribi, new_id
from kiribi.ports import WorkerInfo

JOB_KEYS = {
    *("id", "binding", "status", "attempts", "failures", "crashes", "priority", "createdAt"),
    *("updatedAt", "dueAt", "startedAt", "finishedAt", "completedAt", "processingTime", "payload"),
    *("error", "reason", "progress", "worker", "cancelRequested", "duplicate"),
}
DETAIL_KEYS = JOB_KEYS | {"params", "schedule", "tick", "result", "returnValue"}
WHOLE_KEYS = DETAIL_KEYS | {"uniqueKey"}


@pytest.fixture(scope="module", params=["database", "url"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Shell]:
    """A folder where a worker serves the application; asked there, or through a server."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "app.py").write_text(APP)
    shell = Shell(folder)
    with contextlib.ExitStack() as running:
        worker = running.enter_context(shell.start("worker", "app.py", "--grace", "1s"))
        shell("migrate")
        until(lambda: shell("workers", "--json").out or None, lambda: worker.said)
        yield running.enter_context(served(shell)) if request.param == "url" else shell
        assert worker.end(signal.SIGTERM) == 0, worker.said


def one(text: str) -> dict[str, Any]:
    [line] = text.splitlines()
    return json.loads(line)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def failed(shell: Shell, why: str) -> str:
    """A FAILED job's id."""
    id = shell("enqueue", "FAIL", json.dumps({"why": why})).out.strip()
    shell("jobs", "show", id, "--watch", "--json")
    return id


def test_enqueue_prints_the_id_and_nothing_else(shell: Shell) -> None:
    done = shell("enqueue", "ECHO", '{"n": 1}')
    assert json.loads(shell("jobs", "show", done.out.strip(), "--json").out)["binding"] == "ECHO"
    assert done.err == ""


def test_enqueue_waits_for_the_result(shell: Shell) -> None:
    assert one(shell("enqueue", "ECHO", '{"n": [1, "é"]}', "--wait").out) == {"n": [1, "é"]}


def test_enqueue_wait_says_how_it_failed(shell: Shell) -> None:
    done = shell("enqueue", "FAIL", '{"why": "no route"}', "--wait", code=1)
    assert done.out == ""
    assert done.err.splitlines()[-1].endswith("(FAIL) failed: ConnectionError: no route")


def test_enqueue_reads_a_file_and_standard_input(shell: Shell) -> None:
    (shell.folder / "payload.json").write_text('{"from": "a file"}')
    assert one(shell("enqueue", "ECHO", "@payload.json", "--wait").out) == {"from": "a file"}
    assert json.loads(shell("enqueue", "ECHO", "-", "--wait", stdin='"stdin"').out) == "stdin"


def test_enqueue_takes_every_option(shell: Shell) -> None:
    id = new_id()
    words = ("enqueue", "ECHO", "1", "--id", id, "--max-attempts", "7", "--first-delay", "2h")
    more = ("--retry-delay", "exponential:3:1h", "--timeout", "5m", "--priority", "4", "--json")
    job = one(shell(*words, *more).out)
    assert job.keys() == DETAIL_KEYS
    assert job["id"] == id
    assert job["params"] == {
        "maxRetries": 7,
        "firstDelay": 7200,
        "retryDelay": {"exponential": True, "base": 3, "cap": 3600},
        "timeout": 300,
        "priority": 4,
    }
    again = shell(*words, *more)
    assert one(again.out)["duplicate"]
    assert again.err == "it was there already: nothing new was stored\n"


def test_enqueue_unique_by_fields_and_key(shell: Shell) -> None:
    words = ("--unique", "payload.user", "--unique", "payload.page", "--unique-key", "k", "--json")

    def put(user: int, page: int, *more: str) -> dict[str, Any]:
        payload = json.dumps({"user": user, "page": page, "at": new_id()})
        return one(shell("enqueue", "UNSERVED", payload, *words, *more).out)

    first = put(1, 1)
    assert first["params"] == {"unique": {"key": "k", "by": ["payload.user", "payload.page"]}}
    assert [put(1, 1)["id"], put(1, 1)["duplicate"]] == [first["id"], True]
    assert not put(1, 2)["duplicate"]
    again = put(1, 1, "--on-conflict", "replace", "--priority", "3")
    assert (again["id"], again["priority"], again["duplicate"]) == (first["id"], 3, True)
    later = put(1, 1, "--on-conflict", "reschedule", "--first-delay", "1h")
    assert (later["id"], later["payload"]) == (first["id"], again["payload"])
    assert later["dueAt"] > again["dueAt"]
    payload = '{"user": 1, "page": 1}'
    held = shell("enqueue", "UNSERVED", payload, *words, "--on-conflict", "raise", code=1)
    assert held.err == f"error: unique: job {first['id']!r} (PENDING) holds the key\n"
    key = '{"key":"k","payload.page":1,"payload.user":1}'
    assert f"{key}, which it holds " in shell("jobs", "show", first["id"]).out
    assert f"It holds the unique key {key} while" in shell("explain", first["id"]).out
    shown = one(shell("jobs", "show", first["id"], "--json").out)["uniqueKey"]
    assert (shown["key"], shown["holder"]) == (key, first["id"])
    shell("jobs", "cancel", first["id"])
    assert f"{key}, which nobody holds " in shell("jobs", "show", first["id"]).out
    other = put(1, 1, "--unique-within", "1h")
    assert f"which job {other['id']} holds, until 2" in shell("jobs", "show", first["id"]).out


def test_enqueue_unique_for_a_time_and_in_statuses(shell: Shell) -> None:
    words = ("enqueue", "ECHO", "--unique-key", "once", "--json")
    job = one(shell(*words, "--unique-within", "1h", "--unique-states", "pending,completed").out)
    assert job["params"]["unique"] == {
        "key": "once",
        "within": 3600,
        "states": ["PENDING", "COMPLETED"],
    }
    shell("jobs", "show", job["id"], "--watch", "--json")
    again = shell(*words, "--unique-states", "pending", "--unique-states", "completed")
    assert (one(again.out)["id"], one(again.out)["status"]) == (job["id"], "COMPLETED")
    assert again.err == "it was there already: nothing new was stored\n"


def test_enqueue_at_a_time(shell: Shell) -> None:
    job = one(shell("enqueue", "ECHO", "--at", "2037-01-01T00:00+01:00", "--json").out)
    assert job["dueAt"] == "2036-12-31T23:00:00.000Z"
    assert job["status"] == "PENDING"


def test_enqueue_with_the_application_checks_the_payload(shell: Shell) -> None:
    words = ("enqueue", "SEND_MAIL", '{"to": "ada@example.org"}', "--app", "app.py", "--wait")
    if "KIRIBI_URL" in shell.env:
        assert "the manager there checks" in shell(*words, code=2).err
        shell = Shell(shell.folder)
    assert json.loads(shell(*words).out) == "ada@example.org"
    bad = shell("enqueue", "SEND_MAIL", '{"to": 1}', "--app", "app.py", code=2)
    assert (
        bad.err
        == "error: payload.to: 1 is not allowed; SEND_MAIL says: Input should be a valid string\n"
    )


def test_enqueue_warns_of_a_binding_that_nobody_served(shell: Shell) -> None:
    done = shell("enqueue", "LATER", "1")
    assert done.err == "no worker has served LATER yet: the job waits for one\n"
    told = shell("explain", done.out.strip())
    assert told.out == f"LATER {done.out.strip()} is PENDING\n  No live worker serves LATER.\n"
    reasons = one(shell("explain", done.out.strip(), "--json").out)["reasons"]
    assert [reason["code"] for reason in reasons] == ["unserved"]


def test_list_filters(shell: Shell) -> None:
    ids = [
        shell("enqueue", "FILTERED", json.dumps({"user": {"id": n}})).out.strip() for n in range(3)
    ]

    def found(*words: str) -> list[str]:
        listed = lines(shell("jobs", "list", "--binding", "FILTERED", "--json", *words).out)
        assert all(job.keys() == JOB_KEYS for job in listed)
        return [job["id"] for job in listed]

    assert found() == ids[::-1]
    assert found("--payload", "user.id=1") == [ids[1]]
    assert found("--status", "failed") == []
    assert found("--status", "pending", "--since", "1h") == ids[::-1]
    assert found("--until", "1h") == []
    assert found("--limit", "2") == ids[:0:-1]
    assert found("--before", ids[1]) == [ids[0]]


def test_list_finds_errors_and_shows_a_table(shell: Shell) -> None:
    id = failed(shell, "no [bold]route[/] to 10.0.0.7")
    out = shell("jobs", "list", "--error", "NO [BOLD]ROUTE").out
    assert out.splitlines()[0].split() == [
        "id",
        "binding",
        "status",
        "runs",
        "age",
    ]
    [row] = out.splitlines()[1:]
    assert row.startswith(f"{id}  FAIL     FAILED ")
    assert row.rstrip().endswith("ConnectionError: no [bold]route[/] to 10.0.0.7")
    more = shell("jobs", "list", "--limit", "1")
    assert more.err.startswith("There may be more: --before ")


def test_show_and_logs(shell: Shell) -> None:
    id = shell("enqueue", "ECHO", '{"deep": {"n": 1}}', "--timeout", "5").out.strip()
    assert one(shell("jobs", "show", id, "--watch", "--json").out.splitlines()[-1])["id"] == id
    job = one(shell("jobs", "show", id, "--json").out)
    assert job.keys() == WHOLE_KEYS
    assert (job["status"], job["returnValue"]) == ("COMPLETED", {"deep": {"n": 1}})
    shown = shell("jobs", "show", id).out
    assert f"id        {id}" in shown
    assert "options   timeout=5.0" in shown
    logged = lines(shell("jobs", "logs", id, "--json").out)
    assert [(line["level"], line["message"]) for line in logged] == [
        ("info", "hello"),
        ("warning", "\x1b[31mred"),
    ]
    told = shell("jobs", "logs", id, "--watch").out
    assert told.splitlines()[0].endswith("  1  info     hello")
    assert "\x1b" not in told


def test_show_a_failure_with_its_traceback(shell: Shell) -> None:
    shown = shell("jobs", "show", failed(shell, "why not")).out
    assert 'raise ConnectionError(payload["why"])' in shown


def test_list_watch_follows_changes(shell: Shell) -> None:
    with shell.start("jobs", "list", "-b", "FAIL", "--watch", "--json") as watching:
        id = failed(shell, "watched")
        watching.heard(f'"id": "{id}".*"status": "FAILED"')
        assert watching.end() == 0
    assert "Traceback" not in watching.said


def test_cancel_a_running_job(shell: Shell) -> None:
    id = shell("enqueue", "HOLD", "1").out.strip()
    with shell.start("jobs", "show", id, "--watch", "--json") as watching:
        watching.heard('"progress": {"fraction": 0.5, "message": "half way"}')
        assert shell("jobs", "cancel", id).out == "cancelled: 1\n"
        assert watching.process.wait(30) == 0
    assert lines(watching.said)[-1]["status"] == "CANCELLED"


def test_actions_by_id(shell: Shell) -> None:
    waiting = shell("enqueue", "ECHO", "1", "--first-delay", "7d").out.strip()
    assert one(shell("jobs", "run-now", waiting, "--json").out) == {
        "done": [waiting],
        "skipped": [],
    }
    shell("jobs", "show", waiting, "--watch", "--json")
    assert shell("jobs", "retry", waiting).out == "retried: 1\n"
    shell("jobs", "show", waiting, "--watch", "--json")
    missing = new_id()
    some = shell("jobs", "delete", waiting, missing, code=1)
    assert some.out == "deleted: 1\n"
    assert some.err == (
        f"error: job '{missing}' does not exist (never enqueued, deleted or pruned)\n"
    )


def test_actions_by_filter(shell: Shell) -> None:
    for _ in range(3):
        shell("enqueue", "CROWD", "1")
    assert shell("jobs", "cancel", "-b", "CROWD", "--yes").out == "cancelled: 3\n"
    assert shell("jobs", "cancel", "-b", "CROWD", "--yes").out == "cancelled: 0\n"
    assert shell("jobs", "retry", "-b", "CROWD", "--since", "1h", "-y").out == "retried: 3\n"
    deleted = one(shell("jobs", "delete", "-b", "CROWD", "-y", "--json").out)
    assert deleted["action"]["done"] == 3
    assert len(deleted.get("done", "abc")) == 3  # a manager elsewhere only counts them


def test_actions_by_filter_ask_first(shell: Shell) -> None:
    shell("enqueue", "ASKED", "1")
    for answer, code, said in (("n", 1, "aborted"), ("y", 0, "cancelled: 1")):
        keyboard, terminal = pty.openpty()
        with os.fdopen(keyboard, "w") as typing, os.fdopen(terminal) as stdin:
            asked = subprocess.Popen(
                command("jobs", "cancel", "-b", "ASKED"),
                cwd=shell.folder,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            typing.write(f"{answer}\n")
            typing.flush()
            told, _ = asked.communicate(timeout=30)
        assert asked.returncode == code
        assert told.startswith("cancel 1 job(s)? [y/N]: ")
        assert told.rstrip().endswith(said)


def test_pause_and_resume(shell: Shell) -> None:
    assert shell("pause", "ECHO").out == "paused ECHO\n"
    id = shell("enqueue", "ECHO", "1").out.strip()
    codes = [reason["code"] for reason in one(shell("explain", id, "--json").out)["reasons"]]
    assert codes == ["paused"]
    known = {one["name"]: one for one in lines(shell("bindings", "--json").out)}
    assert known["ECHO"]["paused"]
    assert known["SEND_MAIL"]["defaults"] == {"timeout": 30}
    assert known["SEND_MAIL"]["schema"]["required"] == ["to"]
    assert shell("resume", "ECHO").out == "resumed ECHO\n"
    shell("jobs", "show", id, "--watch", "--json")


def test_limits(shell: Shell) -> None:
    shell("enqueue", "ECHO", "1", "--concurrency-key", "tenant-7")
    done = shell(
        "limit", "ECHO", "--concurrency", "2", "--rate", "100/1m:20", "--retry-budget", "5"
    )
    assert done.out == "ECHO: concurrency 2, rate limit 100/60s:20, retry budget 5:30s\n"
    shell("limit", "ECHO", "--rate", "none", "--rate-per-key", "1/2s")
    known = {one["name"]: one for one in lines(shell("bindings", "--json").out)}
    assert known["ECHO"]["overrides"]["rateLimit"] is None
    assert known["ECHO"]["limits"]["rateLimitPerKey"] == {"limit": 1, "per": 2.0, "burst": 1}
    assert "concurrency 2" in shell("bindings").out
    assert shell("limit", "ECHO", "--reset").out == "ECHO: no limits\n"
    assert one(shell("limit", "ECHO", "--concurrency", "3", "--json").out)["limits"] == {
        "concurrency": 3
    }
    shell("limit", "ECHO", "--reset")


def test_stats(shell: Shell) -> None:
    failed(shell, "counted")
    [tally] = lines(shell("stats", "--binding", "FAIL", "--since", "1h", "--json").out)
    assert tally.keys() == {
        *("binding", "since", "enqueued", "completed", "failed", "retried", "cancelled"),
        *("crashed", "wait", "run", "failureRate", "seconds", "throughput"),
        *(f"{what}P{percent}" for what in ("wait", "run") for percent in (50, 95, 99)),
    }
    assert tally["failed"] >= 1
    assert tally["failureRate"] == 1
    assert "100.0%" in shell("stats").out


def test_failures(shell: Shell) -> None:
    id = failed(shell, "of this cause")
    [group] = lines(shell("failures", "--binding", "FAIL", "--since", "1h", "--json").out)
    assert (group["binding"], group["type"], group["job"]) == ("FAIL", "ConnectionError", id)
    assert "Fail.perform" in shell("failures").out
    chosen = ("--fingerprint", group["fingerprint"], "--status", "FAILED")
    found = lines(shell("jobs", "list", *chosen, "--json").out)
    assert id in [job["id"] for job in found]
    assert lines(shell("jobs", "list", "--reason", "crashed", "--json").out) == []
    assert len(found) == group["count"]
    assert shell("jobs", "retry", *chosen, "--yes").out == f"retried: {group['count']}\n"


def test_workers(shell: Shell) -> None:
    [worker] = lines(shell("workers", "--json").out)
    assert worker["alive"]
    assert worker["bindings"] == ["ECHO", "FAIL", "HOLD", "SEND_MAIL"]
    assert " alive  " in shell("workers").out


def test_sweep(shell: Shell) -> None:
    for _ in range(2):
        shell("jobs", "cancel", shell("enqueue", "SWEPT", "1").out.strip())
    count = one(shell("sweep", "--older-than", "0", "-s", "CANCELLED", "--dry-run", "--json").out)
    swept = shell("sweep", "--older-than", "0", "--status", "cancelled")
    assert swept.out == f"deleted: {count['count']}\n"
    assert count["count"] >= 2
    assert "sweeping" in swept.err
    assert shell("jobs", "list", "-b", "SWEPT").out == "No jobs.\n"


def test_recover_takes_back_what_a_lost_worker_held(tmp_path: Path) -> None:
    held, waiting = asyncio.run(lose_a_job(tmp_path / "kiribi.db"))
    shell = Shell(tmp_path)
    assert one(shell("explain", held, "--json").out)["reasons"][0]["code"] == "lease_lapsed"
    assert shell("recover", waiting).out == "recovered: 1\n"
    assert one(shell("jobs", "show", held, "--json").out)["status"] == "RETRY_PENDING"
    assert one(shell("recover", "--json").out) == {"count": 0}


async def lose_a_job(path: Path) -> tuple[str, str]:
    """A job held by a worker whose lease lapses at once, and one that waits."""
    async with Kiribi.connect(f"sqlite:///{path}") as kiribi:
        held, waiting = await kiribi.enqueue("ECHO"), await kiribi.enqueue("ECHO")
        await kiribi.store.enlist(WorkerInfo("lost", bindings=("ECHO",)), 1_000)
        assert await kiribi.store.claim("lost", ["ECHO"], 1, ids=[held.id])
        await kiribi.store.enlist(WorkerInfo("lost", bindings=("ECHO",)), 0)
    return held.id, waiting.id


def test_migrate(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    first = shell("migrate", "--database", "sqlite:///new.db")
    assert re.fullmatch(r"migrated: \d+ migrations\n", first.out)
    assert first.err == "made the database new.db\n"
    assert shell("migrate", "--database", "sqlite:///new.db").out == "up to date\n"
    elsewhere = shell("migrate", "--database", "https://jobs.example.org", code=2)
    assert "needs the database itself" in elsewhere.err


def test_the_environment_names_the_database(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"KIRIBI_DATABASE_URL": "sqlite:///mine.db"})
    assert shell("enqueue", "ECHO", "1").err.startswith("made the database mine.db\n")
    assert [path.name for path in tmp_path.glob("*.db")] == ["mine.db"]


def test_version(tmp_path: Path) -> None:
    assert Shell(tmp_path)("version").out.startswith("kiribi 0.")
    url = "postgresql://ada:secret@db.example.org/shop?schema=mails"
    told = Shell(tmp_path, {"KIRIBI_DATABASE_URL": url})
    shown = url.replace("secret", "***")
    assert told("version").out.endswith(f"\ndatabase {shown}\n")
    said = one(told("version", "--json").out)
    assert (said.keys(), said["database"]) == ({"kiribi", "python", "database"}, shown)


def test_a_reader_that_goes_away(shell: Shell) -> None:
    shell("enqueue", "ECHO", "1")
    listing = " ".join(command("jobs", "list", "--json"))
    piped = subprocess.run(
        ["/bin/sh", "-c", f"({listing}; echo code $? >&2) | head -c 1"],
        cwd=shell.folder,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert piped.stdout == "{"
    assert piped.stderr.splitlines()[-1].startswith("code ")


def test_no_color(shell: Shell) -> None:
    assert "\x1b" in Shell(shell.folder, {"FORCE_COLOR": "1"})("jobs", "list").out
    shell = Shell(shell.folder, {"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert "\x1b[3" not in shell("jobs", "list").out


HELPED = (
    *(["dev"], ["worker"], ["serve"], ["enqueue"], ["stats"], ["explain"], ["bindings"]),
    *(
        ["pause"],
        ["resume"],
        ["limit"],
        ["workers"],
        ["recover"],
        ["sweep"],
        ["migrate"],
        ["version"],
    ),
    *(["schedules", name] for name in ("list", "show", "create", "edit", "pause", "resume")),
    *(["schedules", name] for name in ("run", "delete", "next")),
    *(["jobs", name] for name in ("list", "show", "logs", "cancel", "retry", "run-now", "delete")),
)


@pytest.mark.parametrize("words", HELPED, ids=" ".join)
def test_every_command_has_help_with_examples(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from kiribi.cli import main

    assert main([*words, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Examples:" in out
    assert f"kiribi {' '.join(words)}" in out.partition("Examples:")[2]


def test_help_without_a_command(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert "kiribi dev" in shell().out
    assert "run-now" in shell("jobs", code=2).out
