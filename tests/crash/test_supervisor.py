"""The `Supervisor` class, as `kiribi dev` uses it: started, restarted, stopped, cut off."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.crash.world import (
    APP,
    LEASE_MS,
    begun,
    database_of,
    ended,
    found,
    is_gone,
    looking,
    wait_until_gone,
)

from kiribi import InvalidInput, JobStatus, Kiribi, Outcome
from kiribi.errors import StoreUnavailable
from kiribi.ports import Queue
from kiribi.runtimes.member import NotStarted
from kiribi.runtimes.supervisor import Supervisor
from kiribi.stores import open_store

VERSION = """
from kiribi import Kiribi, Performer

class Version(Performer):
    async def perform(self, payload):
        return {version}
"""


@asynccontextmanager
async def supervising(
    folder: Path, source: str = APP, **options: Any
) -> AsyncGenerator[tuple[Supervisor, Kiribi]]:
    (folder / "app.py").write_text(source)
    async with (
        Supervisor(str(folder / "app.py"), database_of(folder), **options) as supervisor,
        looking(folder) as kiribi,
    ):
        yield supervisor, kiribi


def test_restart_serves_the_new_code_and_lets_the_old_finish(tmp_path: Path) -> None:
    async def run() -> None:
        async with supervising(tmp_path) as (supervisor, kiribi):
            old = await kiribi.enqueue("HOLD")
            child = await begun(tmp_path, old)
            (tmp_path / "app.py").write_text(VERSION.format(version=2))
            restarting = asyncio.ensure_future(supervisor.restart(grace=600))
            new = await kiribi.enqueue("VERSION")
            assert await kiribi.result(new.id, timeout=20) == 2
            (tmp_path / "go").touch()
            await restarting
            assert is_gone(child)
            job = await found(kiribi, old)
            assert (job.status, job.attempts) == (JobStatus.COMPLETED, 1)
            assert len(await kiribi.workers()) == 1

    asyncio.run(run())


def test_restart_keeps_the_old_code_if_the_new_is_broken(tmp_path: Path) -> None:
    async def run() -> None:
        async with supervising(tmp_path, VERSION.format(version=1)) as (supervisor, kiribi):
            (tmp_path / "app.py").write_text("oh no")
            with pytest.raises(NotStarted, match="SyntaxError"):
                await supervisor.restart()
            job = await kiribi.enqueue("VERSION")
            assert await kiribi.result(job.id, timeout=20) == 1
            (tmp_path / "app.py").write_text(VERSION.format(version=3))
            await supervisor.restart()
            job = await kiribi.enqueue("VERSION")
            assert await kiribi.result(job.id, timeout=20) == 3

    asyncio.run(run())


def test_restart_hands_back_what_does_not_finish(tmp_path: Path) -> None:
    async def run() -> None:
        async with supervising(tmp_path) as (supervisor, kiribi):
            job = await kiribi.enqueue("HOLD")
            await begun(tmp_path, job)
            await supervisor.restart(grace=0)
            await begun(tmp_path, job, attempt=2)
            (tmp_path / "go").touch()
            job = await ended(kiribi, job)
            assert [a.outcome for a in job.history] == [Outcome.RELEASED, Outcome.COMPLETED]
            assert (job.failures, job.crashes) == (0, 0)

    asyncio.run(run())


class Cable:
    """A store that can be cut off: SQLite's cannot be, but for a supervisor all are alike."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.cut = False

    def __getattr__(self, name: str) -> Any:
        if self.cut and name != "close":
            return self._fail
        return getattr(self._store, name)

    async def _fail(self, *args: object) -> None:
        raise StoreUnavailable("the network is cut")


def test_a_child_whose_lease_may_be_lost_is_killed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store can be neither written nor read: then others may already have its jobs."""
    cables: list[Cable] = []

    async def open_by_cable(url: str) -> tuple[Cable, Queue]:
        store, queue = await open_store(url)
        cables.append(Cable(store))
        return cables[0], queue

    monkeypatch.setattr("kiribi.runtimes.supervisor.open_store", open_by_cable)

    async def run() -> None:
        # a busy machine keeps a killer waiting, too: he comes up to two fifths of a beat early
        async with supervising(tmp_path, lease_ms=2 * LEASE_MS, beat=1) as (_, kiribi):
            job = await kiribi.enqueue("HOLD")
            child = await begun(tmp_path, job)
            cables[0].cut = True
            lapses = time.monotonic() + 2 * LEASE_MS / 1000
            await asyncio.to_thread(wait_until_gone, child)  # the supervisor's loop goes on
            assert time.monotonic() < lapses
            cables[0].cut = False
            await begun(tmp_path, job, attempt=2)
            (tmp_path / "go").touch()

    asyncio.run(run())


def command_lines() -> str:
    listing = ["ps", "-A", "-o", "args="]
    return subprocess.run(listing, capture_output=True, text=True, check=True).stdout


def test_the_database_is_not_on_a_command_line(tmp_path: Path) -> None:
    async def run() -> None:
        async with supervising(tmp_path):
            listed = command_lines()
            assert "kiribi.runtimes.child" in listed
            assert str(tmp_path) not in listed

    asyncio.run(run())


def test_what_cannot_be_supervised(tmp_path: Path) -> None:
    for options in ({"processes": 0}, {"concurrency": 0}):
        with pytest.raises(InvalidInput, match="give a whole number from 1"):
            Supervisor("app.py", **options)

    async def run() -> None:
        app = VERSION + textwrap.dedent("""
            from contextlib import asynccontextmanager

            class Default(Kiribi):
                @asynccontextmanager
                async def lifespan(self):
                    raise ConnectionError("no such pool")
                    yield
        """)
        for source, options, says in (
            (app, {}, "its lifespan raised ConnectionError: no such pool"),
            (VERSION, {"bindings": ["OTHER"]}, "OTHER"),
            ("import os; os._exit(7)", {}, "exit code 7"),
        ):
            with pytest.raises(NotStarted, match=says):
                async with supervising(tmp_path, source.replace("{version}", "1"), **options):
                    pass

    asyncio.run(run())


def test_a_script_without_a_main_guard_does_not_spawn_for_ever(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import asyncio
            from kiribi import Kiribi, Performer

            class Answer(Performer):
                executor = "process"
                def perform(self, payload):
                    return 42

            async def main():
                async with Kiribi.connect("sqlite:///jobs.db", performers=[Answer]) as kiribi:
                    print(await kiribi.perform("ANSWER"))

            asyncio.run(main())
        """)
    )
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "if __name__ == '__main__'" in done.stderr
    script.write_text(
        script.read_text().replace("asyncio.run", 'if __name__ == "__main__": asyncio.run')
    )
    again = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert again.stdout == "42\n", again.stderr
