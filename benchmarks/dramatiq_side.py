"""Dramatiq on Redis: one worker process of eight threads, its default; results kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from redis import Redis

from benchmarks.bench import observed_rate
from benchmarks.redis_server import keys, server

ROOT = Path(__file__).parent.parent
SOCKET = "BENCH_DRAMATIQ"
EXTRA = 10
"""Keys beside results: so many of the last jobs don't count."""


def make(socket: str) -> tuple[Any, Any]:
    """Its two tasks."""
    client = Redis(unix_socket_path=socket)
    broker = RedisBroker(client=client)
    broker.add_middleware(Results(backend=RedisBackend(client=client), store_results=True))
    dramatiq.set_broker(broker)

    @dramatiq.actor(broker=broker, actor_name="noop")
    def noop(payload: dict[str, Any]) -> int:
        return payload["n"]

    @dramatiq.actor(broker=broker, actor_name="stamp")
    def stamp(payload: dict[str, Any]) -> int:
        return time.monotonic_ns() - payload["asked"]

    return noop, stamp


if socket := os.environ.get(SOCKET):  # we are its worker
    make(socket)


@contextmanager
def worker(socket: str) -> Iterator[None]:
    """Its worker command."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", "benchmarks.dramatiq_side", "--processes", "1"],
        cwd=ROOT,
        env={**os.environ, SOCKET: socket},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


class DramatiqSide:
    """Dramatiq on Redis."""

    def enqueue(self, path: Path, jobs: int) -> float:
        """Tasks enqueued per second, one by one."""
        with server(path) as socket:
            return _enqueue(socket, jobs)

    def drain(self, path: Path, jobs: int) -> float:
        """Waiting tasks performed per second."""
        with server(path) as socket:
            _enqueue(socket, jobs)
            before = keys(socket)
            with worker(socket):
                return observed_rate(
                    lambda: max(0, keys(socket) - before - EXTRA), jobs - 2 * EXTRA
                )

    def latency(self, path: Path, samples: int) -> list[float]:
        """Milliseconds from the call of an enqueue to the start of the task."""
        waits: list[float] = []
        with server(path) as socket:
            _, stamp = make(socket)
            with worker(socket):
                stamp.send({"asked": 0}).get_result(block=True, timeout=60_000)
                for n in range(samples):
                    time.sleep(0.02 + n % 50 / 1000)
                    result = stamp.send({"asked": time.monotonic_ns()})
                    waits.append(result.get_result(block=True, timeout=30_000) / 1e6)
        return waits


def _enqueue(socket: str, jobs: int) -> float:
    noop, _ = make(socket)
    noop.send({"n": -1})  # connects
    start = time.perf_counter()
    for n in range(jobs):
        noop.send({"n": n})
    return jobs / (time.perf_counter() - start)
