"""A page of the documentation, run from top to bottom in a folder of its own.

- `python` blocks run one after the other in one namespace; `await` may stand at the top.
- A block with a title (```` ```python title="app.py" ````) is written to that file.
- `console` blocks run command by command: `$` begins one, and what follows it is what the command
  must print, `…` standing for anything; `error: …` is what it must fail with. Nothing below it: it
  may print what it likes. `$ name=$(command)` keeps what it prints for the page's later commands.
- `sql` blocks are carried out in the PostgreSQL database that the page has made.
- `<!-- run … -->` is Python that runs and is not shown; `<!-- background -->` lets the command
  below run until the page ends; `<!-- not run: why -->` leaves the block below out.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import psycopg

SECONDS = 30
"""How long a command may take."""

BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>background|not run: [^\n]+) -->\n *)?"
    r"```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^ *```$"
    r"|^<!-- run\n(?P<hidden>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """Something to run, and the line it begins at."""

    language: str
    text: str
    line: int
    title: str | None = None
    mark: str | None = None


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page and what it runs unseen, in order."""
    for found in BLOCK.finditer(page):
        group = "text" if found["hidden"] is None else "hidden"
        line = page.count("\n", 0, found.start(group)) + 1
        text = textwrap.dedent(found[group])
        yield Block(found["language"] or "python", text, line, found["title"], found["mark"])


class Run:
    """A page being run: its namespace, its event loop, its background commands."""

    def __init__(self, page: Path, stack: ExitStack) -> None:
        self._page = page
        self._stack = stack
        self._runner = stack.enter_context(asyncio.Runner())
        self._module = ModuleType(f"page_{page.stem.replace('-', '_')}")
        # what is defined in a block looks its annotations up in its module
        sys.modules[self._module.__name__] = self._module
        stack.callback(sys.modules.pop, self._module.__name__)
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("KIRIBI_")}
        self._env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{self._env['PATH']}"
        self._env["COLUMNS"] = "100"
        self._said: list[Path] = []

    def block(self, block: Block) -> None:
        """Run one block; AssertionError or its own error if it does not do as it says."""
        if block.mark and block.mark.startswith("not run"):
            return
        if block.title is not None:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            self._python(block)
        elif block.language == "console":
            self._console(block)
        elif block.language == "sql" and "PGDATABASE" in self._env:
            with psycopg.connect() as connection:
                connection.execute(block.text.encode())

    def _python(self, block: Block) -> None:
        source = "\n" * (block.line - 1) + block.text
        code = compile(
            source, str(self._page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        if code.co_flags & inspect.CO_COROUTINE:
            self._runner.run(eval(code, self._module.__dict__))
        else:
            exec(code, self._module.__dict__)

    def _console(self, block: Block) -> None:
        for command, expected in _commands(block.text):
            where = f"{self._page.name}:{block.line}: $ {command}"
            if block.mark == "background":
                self._background(command, where)
                continue
            # while the loop runs, so that a worker of the page's own goes on
            name, command = _kept(command)
            code, out, err = self._runner.run(asyncio.to_thread(self._finished, command))
            told = f"{where}\n{out}{err}{self._heard()}"
            failing = expected.startswith("error:")
            assert (code != 0) is failing, told
            assert not expected or _like(expected, err if failing else out), told
            if name:
                self._env[name] = out.strip()

    def _finished(self, command: str) -> tuple[int, str, str]:
        process = subprocess.Popen(
            command,
            shell=True,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err += f"not done within {SECONDS} s"
        return process.returncode, out, err

    def _background(self, command: str, where: str) -> None:
        said = Path(f"said-{len(self._said)}.txt").absolute()
        self._said.append(said)
        with said.open("wb") as output:
            process = subprocess.Popen(
                shlex.split(command), env=self._env, stdout=output, stderr=subprocess.STDOUT
            )

        def end() -> None:
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS) == 0, f"{where}\n{said.read_text()}"

        self._stack.callback(end)
        deadline = time.monotonic() + SECONDS
        # a worker says nothing when it is ready: the page waits for a job's result
        while "kiribi worker" not in command and "Dashboard" not in said.read_text():
            assert process.poll() is None, self._heard()
            assert time.monotonic() < deadline, self._heard()
            time.sleep(0.02)

    def _heard(self) -> str:
        return "".join(f"\nin the background:\n{said.read_text()}" for said in self._said)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command and what it must print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        while part.partition("\n")[0].endswith("\\"):
            part = part.replace("\\\n", " ", 1)
        command, _, expected = part.partition("\n")
        yield command, expected.strip()


def _kept(command: str) -> tuple[str, str]:
    """`name=$(command)` taken apart; no name: nothing is kept."""
    found = re.fullmatch(r"(\w+)=\$\((.*)\)", command)
    return (found[1], found[2]) if found else ("", command)


def _like(expected: str, printed: str) -> bool:
    """The same but for white space at line ends, with `…` for anything."""
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, lines, re.DOTALL) is not None
