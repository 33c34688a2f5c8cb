"""Workers in processes of their own, and how jobs in them tell how long they waited."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import PATIENCE

Process = subprocess.Popen[bytes]
ROOT = Path(__file__).parents[2]
PIPE = "BENCH_PIPE"
"""The environment variable with the number of the file that a stamp is written to."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """How long jobs waited, as they tell while they run: eight bytes each."""

    file: int

    def next(self) -> float:
        """Milliseconds that the next job waited, once it has started."""
        told = os.read(self.file, 8)
        if len(told) < 8:
            raise RuntimeError("the worker has gone")
        return struct.unpack("q", told)[0] / 1e6


async def waited(
    send: Callable[[int], Awaitable[object]], stamps: Stamps, samples: int
) -> list[float]:
    """Milliseconds that jobs waited which `send` enqueues, one after the other.

    The worker must be idle, and be asked at every phase of whatever it polls.
    """
    await send(0)
    stamps.next()
    told: list[float] = []
    for n in range(samples):
        await asyncio.sleep(0.02 + n % 50 / 1000)
        await send(time.monotonic_ns())
        told.append(stamps.next())
    return told


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A process from the root of the repository; it is told to stop in the end."""
    process = _started(command, environment or {})
    try:
        yield process
    finally:
        _ended(process)


def ends_no_earlier(process: Process) -> None:
    """Raise if a process has ended."""
    if (code := process.poll()) is not None:
        raise RuntimeError(f"{process.args} ended with {code}")


@contextmanager
def stamping(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Stamps]:
    """A worker whose jobs write their stamps to the file that the environment names."""
    read, write = os.pipe()
    try:
        process = _started(command, {**environment, PIPE: str(write)}, pass_fds=(write,))
    finally:
        os.close(write)
    try:
        yield Stamps(read)
    finally:
        os.close(read)
        _ended(process)


def _started(
    command: Sequence[str], environment: Mapping[str, str], pass_fds: tuple[int, ...] = ()
) -> Process:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        pass_fds=pass_fds,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _ended(process: Process) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE / 10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
