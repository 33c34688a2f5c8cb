"""The journal: what really happened, line by line, in a file beside the store.

Each line is written by one system call to the end of the file, so that a killed process leaves
whole lines behind, in the order in which things happened:

    asked TOKEN              an enqueuer is about to enqueue
    accepted TOKEN ID        `enqueue` returned a job
    found TOKEN ID           `enqueue` returned another's job, whose unique key it holds
    refused TOKEN            `enqueue` raised
    cancel ID                an enqueuer is about to cancel
    start ID N TOKEN PID PPID   the Nth attempt began, in this process, of that parent
    end ID N HOW             it returned, raised, or was stopped
    hurt PID                 this process was killed or stopped, or who keeps its lease was
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from kiribi.prove.plan import Plan


class Journal:
    """For writing."""

    def __init__(self, plan: Plan) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(plan.journal, flags, 0o600)
        self._ahead = plan.ahead_ns

    def write(self, *lines: str) -> None:
        """Append lines, stamped with the time by the database's clock."""
        now = time.time_ns() + self._ahead
        os.write(self._file, "".join(f"{now} {line}\n" for line in lines).encode())


class Tail:
    """Counts the lines of a growing journal by their first words."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.counts: Counter[str] = Counter()

    def look(self) -> bool:
        """Read on; was there anything new."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return False
        new = new[: new.rfind(b"\n") + 1]
        self._read += len(new)
        self.counts.update(line.split(b" ", 2)[1].decode() for line in new.splitlines())
        return bool(new)


def lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Every line: epoch nanoseconds, the word, the rest."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            at, word, *rest = line.split()
            yield int(at), word, rest
