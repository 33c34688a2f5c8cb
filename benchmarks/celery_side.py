"""Celery with one worker process (solo: the fastest for tasks that do nothing), late acks.

Its broker is Redis, or a SQLite file by SQLAlchemy where there is to be no server; results are
kept in the same place.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
from celery import Celery

from benchmarks.bench import observed_rate
from benchmarks.redis_server import keys, server

ROOT = Path(__file__).parent.parent


def make(place: str) -> tuple[Celery, Any, Any]:
    """A Celery on a Redis socket, or on SQLite files in a folder, and its two tasks."""
    if Path(place).is_socket():
        broker = backend = f"redis+socket://{place}"
    else:
        broker, backend = f"sqla+sqlite:///{place}/queue.db", f"db+sqlite:///{place}/results.db"
    app = Celery("bench", broker=broker, backend=backend, set_as_current=False)
    app.conf.update(task_acks_late=True, worker_prefetch_multiplier=100)

    @app.task(name="noop")
    def noop(payload: dict[str, Any]) -> None:
        pass

    @app.task(name="stamp")
    def stamp(payload: dict[str, Any]) -> int:
        return time.monotonic_ns() - payload["asked"]

    return app, noop, stamp


def consume(place: str) -> None:
    """Be the worker."""
    logging.disable()
    make(place)[0].worker_main(["worker", "--pool", "solo", "--without-gossip"])


class CelerySide:
    """Celery on Redis, or on SQLite."""

    def __init__(self, *, redis: bool) -> None:
        self._redis = redis

    @contextmanager
    def _place(self, path: Path) -> Iterator[str]:
        if self._redis:
            with server(path) as socket:
                yield socket
        else:
            folder = path.with_suffix(".celery")
            folder.mkdir()
            yield str(folder)

    def _done(self, place: str) -> Callable[[], int]:
        """Counts results; what Celery keeps in Redis beside them is subtracted before."""
        if self._redis:
            return lambda: keys(place)

        def count() -> int:
            if not Path(place, "results.db").exists():
                return 0
            with closing(apsw.Connection(f"{place}/results.db")) as database:
                try:
                    return database.execute("SELECT count(*) FROM celery_taskmeta").get
                except (apsw.SQLError, apsw.BusyError):
                    return 0

        return count

    def enqueue(self, path: Path, jobs: int) -> float:
        """Tasks enqueued per second, one by one."""
        with self._place(path) as place:
            return _enqueue(place, jobs)

    def drain(self, path: Path, jobs: int) -> float:
        """Waiting tasks performed per second."""
        with self._place(path) as place:
            _enqueue(place, jobs)
            done = self._done(place)
            before = done()
            with worker(place):
                return observed_rate(lambda: max(0, done() - before - EXTRA), jobs - EXTRA)

    def latency(self, path: Path, samples: int) -> list[float]:
        """Milliseconds from the call of an enqueue to the start of the task."""
        waits: list[float] = []
        with self._place(path) as place:
            _, _, stamp = make(place)
            with worker(place):
                stamp.delay({"asked": 0}).get(timeout=60)
                for n in range(samples):
                    time.sleep(0.02 + n % 50 / 1000)
                    result = stamp.delay({"asked": time.monotonic_ns()})
                    waits.append(result.get(timeout=30, interval=0.005) / 1e6)
        return waits


EXTRA = 10
"""Keys that Celery may come to have in Redis beside results: so many of the last don't count."""


@contextmanager
def worker(place: str) -> Iterator[None]:
    """Celery's worker in a process of its own."""
    code = f"from benchmarks import celery_side; celery_side.consume({place!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _enqueue(place: str, jobs: int) -> float:
    _, noop, _ = make(place)
    noop.delay({"n": -1})  # connects
    start = time.perf_counter()
    for n in range(jobs):
        noop.delay({"n": n})
    return jobs / (time.perf_counter() - start)
