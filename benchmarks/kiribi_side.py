"""Kiribi as users run it: the worker command with its supervisor, at its default settings."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from benchmarks.app import Noop
from benchmarks.bench import observed_rate, until
from kiribi import Kiribi

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Processes:
    """A running worker: the process ids of the supervisor and of its child."""

    supervisor: int
    child: int


def url(path: Path) -> str:
    """The database URL of a file."""
    return f"sqlite:///{path}"


def look(path: Path) -> closing[apsw.Connection]:
    """A connection that only reads."""
    return closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY))


@contextmanager
def worker(path: Path) -> Iterator[Processes]:
    """`kiribi worker` in processes of its own, ready to claim; the file must exist."""
    command = [sys.executable, "-m", "kiribi", "worker", "benchmarks.app", "--database", url(path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with look(path) as database:
            live = "SELECT pid FROM worker WHERE dead_reason IS NULL AND bindings <> '[]'"
            until(lambda: database.execute(live).get, "a worker is up")
            child: int = database.execute(live).get
        yield Processes(process.pid, child)
    finally:
        process.terminate()
        process.wait()


def options(n: int, keys: int) -> dict[str, Any]:
    """Those of the job of that number, when so many concurrency keys share the jobs."""
    return {"concurrency_key": f"k{n % keys}"} if keys else {}


async def fill(path: Path, jobs: int, keys: int = 0) -> None:
    """Let `jobs` jobs wait in the file."""
    async with Kiribi.connect(url(path), performers=[Noop]) as kiribi:
        await kiribi.enqueue_many(("NOOP", {"n": n}, options(n, keys)) for n in range(jobs))


def drain(path: Path, jobs: int, keys: int = 0) -> float:
    """Waiting jobs performed per second by one worker process."""
    asyncio.run(fill(path, jobs, keys))
    with look(path) as database, worker(path):
        left = "SELECT count(*) FROM job WHERE open = 1"
        return observed_rate(lambda: jobs - database.execute(left).get, jobs)
