"""Oban for Python, which needs Python 3.12: in this interpreter or in an environment of its own.

Run as `python -m`, it makes that environment, if there is an interpreter to make it with.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.postgres.process import ROOT, Process, running

HOME = Path(sys.prefix) / "oban"
NEEDED = "oban>=0.7"
NEWEST = ("python3.14", "python3.13", "python3.12")
NAMED = "KIRIBI_BENCH_PYTHON"
"""The environment variable that names an interpreter, 3.12 or newer."""


@dataclass(frozen=True, slots=True)
class ObanSide:
    """Oban; `limit`: jobs at a time."""

    python: str
    limit: int

    left = "SELECT 1 FROM oban_jobs WHERE state <> 'completed'"
    began = "SELECT extract(epoch FROM min(attempted_at)) FROM oban_jobs"
    ended = "SELECT extract(epoch FROM completed_at) AS at FROM oban_jobs"

    def make(self, url: str) -> None:
        """`oban install`."""
        self._asked("make", url, 0)

    def enqueue(self, url: str, jobs: int) -> float:
        """One caller."""
        return self._asked("enqueue", url, jobs)

    def enqueue_many(self, url: str, jobs: int) -> float:
        """Its `enqueue_many`: a statement for each job, all in one transaction."""
        return self._asked("enqueue_many", url, jobs)

    def worker(self, url: str) -> AbstractContextManager[Process]:
        """A worker process with one queue."""
        return running(self._command("work", url, self.limit))

    def latency(self, url: str, samples: int) -> list[float]:
        """By NOTIFY."""
        return self._asked("latency", url, samples)

    def _asked(self, what: str, url: str, number: int) -> Any:
        command = self._command(what, url, number)
        told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
        return json.loads(told.stdout)

    def _command(self, what: str, url: str, number: int) -> list[str]:
        return [self.python, "-m", "benchmarks.postgres.oban_app", what, url, str(number)]


def interpreter() -> str | None:
    """The one that has Oban."""
    with suppress(PackageNotFoundError):
        version("oban")
        return sys.executable
    own = HOME / "bin" / "python"
    return str(own) if own.exists() else None


def _newer() -> Iterator[str]:
    """Interpreters that may be new enough: the one that is named, those on PATH, pyenv's."""
    if named := os.environ.get(NAMED):
        yield named
    yield from filter(None, map(shutil.which, NEWEST))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in NEWEST:
        yield from map(str, sorted(pyenv.glob(f"*/bin/{name}")))


def _works(python: str) -> bool:
    check = "import sys, venv; sys.exit(sys.version_info < (3, 12))"
    return subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0


def main() -> int:
    """Make the environment."""
    if interpreter():
        return 0
    python = next(filter(_works, _newer()), None)
    if python is None:
        print(f"Oban for Python is left out: it needs Python 3.12; name one in {NAMED}")
        return 0
    subprocess.run([python, "-m", "venv", HOME], check=True)
    pip = [HOME / "bin" / "python", "-m", "pip", "install", "--quiet", NEEDED]
    if code := subprocess.run(pip, check=False).returncode:
        shutil.rmtree(HOME)
        print("Oban for Python is left out: it could not be installed")
    return code


if __name__ == "__main__":
    sys.exit(main())
