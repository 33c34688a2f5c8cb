"""`wrangler dev`: Workers on the real runtime, on this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.workers import toolchain

READY_SECONDS = 90
PYTHON_FLAGS = [
    "python_workers",
    # the bundle of `toolchain` in place of a download
    "python_workers_development",
    "no_python_workers_20250116",
    "experimental",
]
DATE = "2026-09-08"
"""From this compatibility date on a Python Worker is CPython 3.14."""


@dataclass
class Dev:
    """Running Workers; the first of them answers at `url`."""

    url: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list[str])

    @property
    def log(self) -> str:
        """What they have printed so far."""
        return "\n".join(self.lines)

    def kill(self) -> None:
        """End wrangler and workerd at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def project(folder: Path, config: Mapping[str, Any], sources: Mapping[str, str]) -> Path:
    """A Worker's folder; its configuration."""
    for name, source in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    path = folder / "wrangler.jsonc"
    path.write_text(json.dumps({"compatibility_date": DATE, **config}, indent=2), "utf-8")
    return path


@contextmanager
def dev(*configs: Path, state: Path | None = None, options: tuple[str, ...] = ()) -> Generator[Dev]:
    """Run the Workers of `configs` together, the first one reachable, until the end.

    `state`: where D1 keeps its data, to run again with it.
    """
    port = _free_port()
    command = [str(toolchain.NODE), str(toolchain.WRANGLER), "dev", "--port", str(port)]
    for config in configs:
        command += ["-c", str(config)]
    if state is not None:
        command += ["--persist-to", str(state)]
    process = subprocess.Popen(
        [*command, "--inspector-port", str(_free_port()), *options],
        cwd=configs[0].parent,
        env=toolchain.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Dev(f"http://127.0.0.1:{port}", process)
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.lines.append(re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip("\n")))
            if "Ready on" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(READY_SECONDS), f"wrangler dev is not ready:\n{running.log}"
        assert process.poll() is None, f"wrangler dev ended:\n{running.log}"
        yield running
    finally:
        running.kill()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def wrangler(*args: str, cwd: Path) -> str:
    """Run a command of wrangler; what it printed.

    Raises:
        AssertionError: it failed; with what it said.
    """
    done = subprocess.run(
        [str(toolchain.NODE), str(toolchain.WRANGLER), *args],
        cwd=cwd,
        env=toolchain.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Any, seconds: float = 30, what: object = "") -> Any:
    """The first true value of `condition()`.

    Raises:
        AssertionError: there was none within `seconds`.
    """
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what or condition}"
        time.sleep(0.05)
