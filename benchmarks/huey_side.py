"""Huey on SQLite at its best settings: fsync on, results kept, one worker thread.

More threads or a worker process make it slower here (its claim locks the whole file).
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huey import SqliteHuey

from benchmarks.bench import observed_rate, until

ROOT = Path(__file__).parent.parent


def make(path: Path) -> tuple[SqliteHuey, Any, Any]:
    """A Huey on `path` and its two tasks: one does nothing, one returns how long it waited."""
    huey = SqliteHuey(filename=str(path), fsync=True, results=True, store_none=True)

    @huey.task()
    def noop(payload: dict[str, Any]) -> None:
        pass

    @huey.task()
    def stamp(payload: dict[str, Any]) -> int:
        return time.monotonic_ns() - payload["asked"]

    return huey, noop, stamp


@contextmanager
def worker(path: Path) -> Iterator[None]:
    """Huey's consumer in a process of its own."""
    # not as `-m`: the tasks' names begin with the module's
    code = f"from benchmarks import huey_side; huey_side.consume({str(path)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def consume(path: str) -> None:
    """Be the consumer."""
    logging.disable()
    make(Path(path))[0].create_consumer(workers=1, periodic=False).run()


def enqueue(path: Path, jobs: int) -> float:
    """Tasks enqueued per second, one by one."""
    _, noop, _ = make(path)
    start = time.perf_counter()
    for n in range(jobs):
        noop({"n": n})
    return jobs / (time.perf_counter() - start)


def drain(path: Path, jobs: int) -> float:
    """Waiting tasks performed per second."""
    huey, _, _ = make(path)
    enqueue(path, jobs)
    with worker(path):
        return observed_rate(huey.storage.result_store_size, jobs)


def latency(path: Path, samples: int) -> list[float]:
    """Milliseconds from the call of an enqueue to the start of the task."""
    huey, noop, stamp = make(path)
    waits: list[float] = []
    with worker(path):
        first = noop({"n": 0})
        until(lambda: huey.storage.has_data_for_key(first.id), "Huey's worker is up")
        for n in range(samples):
            time.sleep(0.02 + n % 50 / 1000)  # it polls: ask at every phase of its sleep
            result = stamp({"asked": time.monotonic_ns()})
            waits.append(result(blocking=True, max_delay=0.005, timeout=30) / 1e6)
    return waits
