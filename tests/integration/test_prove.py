"""`kiribi prove` on real processes; and that a store which breaks the promise cannot pass."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.crash.world import children_of, state_of, wait_until_gone
from tests.integration.cli_world import command, until

SEED = "797"
"""One that stops a supervisor three times, and kills workers alone, before anything else."""
PATIENCE = 600.0
BROKEN = {
    # What is wrong with the store; how long to try it; what has to be found.
    "it loses one in a thousand": (
        10,
        "lost",
        """
        lost = itertools.count(800)  # each enqueuer's two hundredth is the first
        async def insert(store, jobs):
            kept = [job for job in jobs if next(lost) % 1000]
            stored = {job.id: job for job in await right["insert"](store, kept)}
            return [
                stored.get(job.id) or Job(job.id, job.binding, payload=json.loads(job.payload))
                for job in jobs
            ]
        """,
    ),
    "it hands out a job twice": (
        10,
        "run twice",
        """
        before = []
        async def claim(store, *args, **kwargs):
            jobs = await right["claim"](store, *args, **kwargs)
            again = [job for job in before if random.random() < 0.05 and job.binding == "COROUTINE"]
            if jobs:
                before[:] = [job for job in jobs if not job.failures and not job.crashes]
            return [*jobs, *again] if kwargs["pool"] == "coroutine" else jobs
        """,
    ),
    "its settling is not fenced": (
        25,
        "outcome",
        """
        async def apply(store, changes):
            jobs = {job.id: job for job in await store.find([change.id for change in changes])}
            unfenced = [
                replace(
                    change,
                    expected=jobs[change.id].status,
                    attempts=jobs[change.id].attempts,
                    worker=jobs[change.id].worker,
                )
                if change.outcome and change.id in jobs else change
                for change in changes
            ]
            return await right["apply"](store, unfenced)
        """,
    ),
    "it forgets concurrency keys": (
        10,
        "key",
        """
        async def insert(store, jobs):
            free = [
                job._replace(options=None) if "concurrency_key" in (job.options or "") else job
                for job in jobs
            ]
            return await right["insert"](store, free)
        """,
    ),
    "it forgets unique keys": (
        10,
        "unique",
        """
        async def insert(store, jobs):
            return await right["insert"](store, [job._replace(unique=None) for job in jobs])
        """,
    ),
    "it forgets what a job runs after": (
        10,
        "chain",
        """
        async def insert(store, jobs):
            return await right["insert"](store, [job._replace(after=()) for job in jobs])
        """,
    ),
    "it renews no lease": (
        10,
        "taken away",
        """
        async def renew(store, workers, lease_ms):
            return list(workers)
        """,
    ),
    "it stores what it refuses": (
        10,
        "refused",
        """
        refused = itertools.count(1)
        async def insert(store, jobs):
            stored = await right["insert"](store, jobs)
            if not any(job.chosen_id for job in jobs) and next(refused) % 50 == 0:
                raise StoreUnavailable("no answer")
            return stored
        """,
    ),
}
SITE = """
import itertools, json, random
from dataclasses import replace
from kiribi.errors import StoreUnavailable
from kiribi.job import Job
from kiribi.stores.sqlite import SqliteStore

METHODS = ("insert", "claim", "apply", "renew")
right = {{name: getattr(SqliteStore, name) for name in METHODS}}
{wrong}
for name in METHODS:
    if name in globals():
        setattr(SqliteStore, name, globals()[name])
"""
SHORT = ("it loses one in a thousand", "it hands out a job twice", "its settling is not fenced")


def prove(folder: Path, *words: str, site: Path | None = None) -> tuple[int, dict[str, Any], str]:
    """Run it to its end: the exit code, the account, what it said beside."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("KIRIBI_")}
    done = subprocess.run(
        [*command("prove", "-d", f"sqlite:///{folder}/jobs.db", "--json"), *words],
        env=clean if site is None else {**clean, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.timeout(700)
@pytest.mark.parametrize("seconds", [15, pytest.param(300, marks=pytest.mark.long)])
def test_the_promise_holds(tmp_path: Path, seconds: int) -> None:
    code, account, said = prove(tmp_path, "--seconds", str(seconds))
    print(json.dumps(account, indent=2))
    assert (code, account["findings"], said) == (0, [], "")
    assert account["accepted"] > 300
    ended = account["completed"] + account["failed"] + account["cancelled"]
    assert ended >= account["accepted"] + account["recurring"]
    assert account["acts"]
    assert not list(tmp_path.iterdir())


@pytest.mark.timeout(700)
@pytest.mark.parametrize(
    "wrong",
    [pytest.param(name, marks=() if name in SHORT else pytest.mark.long) for name in BROKEN],
)
def test_a_broken_store_fails(tmp_path: Path, wrong: str) -> None:
    seconds, finding, how = BROKEN[wrong]
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(wrong=textwrap.dedent(how)))
    words = ("--seconds", str(seconds), "--seed", SEED)
    code, account, said = prove(tmp_path, *words, site=site)
    print(json.dumps(account, indent=2))
    assert code == 1
    assert not account["passed"]
    assert finding in [one["finding"] for one in account["findings"]]
    (kept,) = tmp_path.glob("jobs.db.prove-*")
    assert said == f"kept: {kept}\n"


def stop(pid: int) -> None:
    """SIGSTOP; on return it has stopped, unless it was killed meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    until(lambda: state_of(pid)[:1] in ("T", "Z", "") or None, lambda: f"{pid} goes on")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        command("prove", "-d", f"sqlite:///{tmp_path}/jobs.db"),
        stderr=terminal,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(terminal)
    shown = b""
    family: set[int] = set()

    def watch() -> bool | None:
        nonlocal shown
        assert process.poll() is None
        if select.select([screen], [], [], 0)[0]:
            shown += os.read(screen, 1 << 16)
        for pid in children_of(process.pid):
            family.update((pid, *children_of(pid)))
        begun = any(b" start " in journal.read_bytes() for journal in tmp_path.glob("*/journal"))
        return begun or None

    try:
        until(watch, lambda: shown.decode())
        if number is signal.SIGKILL:
            for pid in children_of(process.pid)[::2]:
                stop(pid)  # as it does itself
        process.send_signal(number)
        assert process.wait(60) == (130 if number is signal.SIGINT else -number)
    finally:
        process.kill()
        process.wait()
        os.close(screen)
    assert b"accepted" in shown
    assert b"seed" in shown
    assert len(family) >= 4
    for pid in family:
        wait_until_gone(pid)
    assert not list(tmp_path.iterdir()) or number is signal.SIGKILL
