"""The real command line on real files: processes, and what they say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import apsw

T = TypeVar("T")
SECONDS = 30.0
"""The deadline of everything that is waited for."""

TOKEN = "a-long-random-text-for-these-tests"
APP = """
import asyncio
from pydantic import BaseModel
from kiribi import Kiribi, Performer

class Mail(BaseModel):
    to: str
    tries: int = 1

class Echo(Performer):
    async def perform(self, payload):
        self.log("hello")
        self.log("\\x1b[31mred", level="warning")
        return payload

class Fail(Performer):
    max_attempts = 1
    def perform(self, payload: dict):
        raise ConnectionError(payload["why"])

class Hold(Performer):
    async def perform(self, payload):
        self.progress(0.5, "half way")
        await asyncio.Event().wait()

class SendMail(Performer):
    timeout = 30
    async def perform(self, payload: Mail) -> str:
        return payload.to

class Default(Kiribi):
    def redact(self, binding, payload):
        return "hidden"
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """A folder in which commands are run."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> Done:
        """Run `kiribi` with these words to its end, which must be `code`."""
        done = subprocess.run(
            command(*words),
            input=stdin,
            cwd=self.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> Running:
        """Start `kiribi` with these words."""
        return Running(command(*words), self.folder, self._env())

    def _env(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KIRIBI_")}
        return {**clean, "PYTHONUNBUFFERED": "1", **self.env}


@contextmanager
def served(shell: Shell) -> Iterator[Shell]:
    """The same folder, its database behind a server that every command goes through."""
    secret = {"KIRIBI_TOKEN": TOKEN}
    with Shell(shell.folder, secret).start("serve", "--port", "0") as server:
        url = server.heard(r"Dashboard +(\S+)")[1]
        yield Shell(shell.folder, {**secret, "KIRIBI_URL": url})
        assert server.end() == 0, server.said


class Running:
    """A command that runs until it is told to end; what it says goes to a file."""

    def __init__(self, words: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self._said = folder / f"said-{time.monotonic_ns()}.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                words,
                cwd=folder,
                env=env,
                stdout=said,
                stderr=subprocess.STDOUT,
                # A test run in the background has Ctrl-C ignored, and so would its children.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self._said.read_text("utf-8")

    def heard(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Wait until it has said this so many times; the last match."""

        def look() -> re.Match[str] | None:
            found = list(re.finditer(pattern, self.said))
            assert len(found) >= times or self.process.poll() is None, self.said
            return found[-1] if len(found) >= times else None

        return until(look, lambda: f"{pattern!r} in: {self.said}")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "kiribi", *words]


def until(look: Callable[[], T | None], what: Callable[[], str]) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)
    return found


def rows(path: Path) -> dict[str, list[Any]]:
    """Everything in a SQLite file, but what every look at it may change."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {
            str(name): connection.execute(f'SELECT * FROM "{name}"').fetchall()
            for (name,) in tables.fetchall()
        }
    finally:
        connection.close()
