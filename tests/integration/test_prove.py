"""`kiribi prove` on real processes; and that a store which breaks the promise cannot pass."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import psycopg
import pytest
from tests.crash.world import children_of, state_of, wait_until_gone
from tests.integration.cli_world import command, until
from tests.postgres.databases import database as made

SEED = "797"
"""One that stops a supervisor three times, and kills workers alone, before anything else."""
CUTTING = "1049"
"""The same on PostgreSQL, but that it begins with cutting connections, and does so again."""
PATIENCE = 600.0
BESIDE = 2
"""Trials of broken stores at a time: most of its time each waits, for leases and for silence."""
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
from kiribi.stores.{store} as Store

METHODS = ("insert", "claim", "apply", "renew")
right = {{name: getattr(Store, name) for name in METHODS}}
{wrong}
for name in METHODS:
    if name in globals():
        setattr(Store, name, globals()[name])
"""
SQLITE, POSTGRES = "sqlite import SqliteStore", "postgres import PostgresStore"


@dataclass(frozen=True, slots=True)
class Broken:
    """A trial of a store that breaks the promise."""

    wrong: str
    postgres: bool = False
    keep: bool = False

    def tried(self, folder: Path, server: str) -> Tried:
        """Carry it out, on PostgreSQL in a database of its own."""
        seconds, _, how = BROKEN[self.wrong]
        store = POSTGRES if self.postgres else SQLITE
        wrong = SITE.format(store=store, wrong=textwrap.dedent(how))
        (folder / "sitecustomize.py").write_text(wrong)
        env = {"PYTHONPATH": str(folder), "TMPDIR": str(folder)}
        words = ["--seconds", str(seconds), "--seed", CUTTING if self.postgres else SEED]
        if self.keep:
            words.append("--keep")
        with made(server) if self.postgres else nullcontext(f"sqlite:///{folder}/jobs.db") as url:
            said = prove(url, *words, **env)
            return Tried(*said, folder, schemas(url))


class Tried(NamedTuple):
    """What became of a trial: exit code, account, what it said, what it left behind."""

    code: int
    account: dict[str, Any]
    said: str
    folder: Path
    schemas: list[str]


UNFENCED = "its settling is not fenced"
SHORT = (
    Broken("it loses one in a thousand"),
    Broken("it hands out a job twice"),
    Broken(UNFENCED),
    Broken(UNFENCED, postgres=True),
)
LONG = (
    *(one for one in map(Broken, BROKEN) if one not in SHORT),
    Broken(UNFENCED, postgres=True, keep=True),
)


def prove(url: str, *words: str, **env: str) -> tuple[int, dict[str, Any], str]:
    """Run it to its end: the exit code, the account, what it said beside."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("KIRIBI_")}
    done = subprocess.run(
        [*command("prove", "-d", url, "--json"), *words],
        env={**clean, **env},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture(params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A database URL; what is made beside it is in `tmp_path`."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.db"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return request.getfixturevalue("postgres_url")


def schemas(url: str) -> list[str]:
    """Those that were made in a PostgreSQL database."""
    if url.startswith("sqlite"):
        return []
    asked = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'kiribi%'"
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute(asked)]


@pytest.mark.timeout(700)
@pytest.mark.parametrize("seconds", [15, pytest.param(300, marks=pytest.mark.long)])
def test_the_promise_holds(database: str, tmp_path: Path, seconds: int) -> None:
    seed = () if database.startswith("sqlite") else ("--seed", CUTTING)
    code, account, said = prove(database, "--seconds", str(seconds), *seed)
    print(json.dumps(account, indent=2))
    assert (code, account["findings"], said) == (0, [], "")
    assert account["accepted"] > 300
    ended = account["completed"] + account["failed"] + account["cancelled"]
    assert ended >= account["accepted"] + account["recurring"]
    assert account["acts"]
    assert account["acts"].get("cut connections", 0) >= bool(seed)
    assert not list(tmp_path.iterdir())
    assert not schemas(database)


@pytest.fixture(scope="module")
def trials(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[Mapping[Broken, Future[Tried]]]:
    """All trials of broken stores that were asked for, side by side."""
    asked = [
        cast("Broken", item.callspec.params["broken"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_a_broken_store_fails"
    ]
    with ThreadPoolExecutor(BESIDE) as executor:
        yield {
            one: executor.submit(one.tried, tmp_path_factory.mktemp("broken"), postgres_server)
            for one in asked
        }


@pytest.mark.timeout(1_400)
@pytest.mark.parametrize(
    "broken",
    [*SHORT, *(pytest.param(one, marks=pytest.mark.long) for one in LONG)],
    ids=lambda one: f"{one.wrong}{' on PostgreSQL' * one.postgres}{', kept' * one.keep}",
)
def test_a_broken_store_fails(broken: Broken, trials: Mapping[Broken, Future[Tried]]) -> None:
    """What was found is kept, but for the schema: it stays in somebody's database if he says so."""
    code, account, said, folder, left = trials[broken].result()
    print(json.dumps(account, indent=2))
    assert code == 1
    assert not account["passed"]
    assert BROKEN[broken.wrong][1] in [one["finding"] for one in account["findings"]]
    (kept,) = folder.glob("*prove-*")
    assert len(left) == broken.keep
    assert said == f"kept: {', schema '.join([str(kept), *left])}\n"


def stop(pid: int) -> None:
    """SIGSTOP; on return it has stopped, unless it was killed meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    until(lambda: state_of(pid)[:1] in ("T", "Z", "") or None, lambda: f"{pid} goes on")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(database: str, tmp_path: Path, number: signal.Signals) -> None:
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        command("prove", "-d", database),
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
    assert number is signal.SIGKILL or not (list(tmp_path.iterdir()) or schemas(database))
