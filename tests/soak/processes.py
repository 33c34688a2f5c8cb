"""Worker processes, and what they hold: memory and open files, as Linux tells."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

APP = Path(__file__).with_name("app.py")
PAGE = os.sysconf("SC_PAGE_SIZE")
SECONDS = 60.0
"""How long a worker may take to start, and to end when it is asked to."""


@dataclass(frozen=True, slots=True)
class Held:
    """What processes hold together; memory in bytes."""

    memory: int
    files: int


class Crew:
    """`kiribi worker` as somebody would start it."""

    _number = count()

    def __init__(self, database: str, folder: Path) -> None:
        command = ["worker", str(APP), "--database", database, "--concurrency", "20"]
        self._said = folder / f"worker-{next(self._number)}.txt"
        with self._said.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kiribi", *command],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self._said.read_text("utf-8")

    async def works(self) -> None:
        """Wait until it does.

        Raises:
            AssertionError: it does not start.
        """
        until = time.monotonic() + SECONDS
        while "working:" not in self.said:
            late = time.monotonic() > until or self._process.poll() is not None
            assert not late, f"a worker did not start: {self.said}"
            await asyncio.sleep(0.05)

    @property
    def pids(self) -> list[int]:
        """The supervisor's process id, and those of its children."""
        return [self._process.pid, *children(self._process.pid)]

    def leave(self) -> None:
        """Have it finish what runs, and end.

        Raises:
            AssertionError: it ended otherwise.
        """
        self._process.terminate()
        code = self._process.wait(SECONDS)
        assert code == 0, f"a worker that was asked to leave ended with {code}: {self.said}"

    def lose_a_child(self) -> None:
        """SIGKILL for one of its children: the supervisor gives what it ran to others."""
        for pid in children(self._process.pid)[:1]:
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        return []
    return [one for child in map(int, found) for one in (child, *children(child))]


def held(pids: list[int]) -> Held:
    """What processes hold; those that have ended meanwhile hold nothing."""
    memory = files = 0
    for pid in pids:
        try:
            memory += int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE
            files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            continue
    return Held(memory, files)
