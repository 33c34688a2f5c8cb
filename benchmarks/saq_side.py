"""SAQ on Redis: one worker process, a hundred coroutines at a time, as Kiribi; results kept."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from saq import Queue
from saq.queue.base import JobError
from saq.queue.redis import RedisQueue

from benchmarks.bench import observed_rate
from benchmarks.redis_server import server

ROOT = Path(__file__).parent.parent
SOCKET = "BENCH_SAQ"
CONCURRENCY = 100


def queue(socket: str) -> Queue:
    """The queue."""
    return RedisQueue(AsyncRedis(unix_socket_path=socket, decode_responses=False))


async def noop(_: Any, *, n: int) -> None:
    """Do nothing."""


async def stamp(_: Any, *, asked: int) -> int:
    """Return how long it waited."""
    return time.monotonic_ns() - asked


if socket := os.environ.get(SOCKET):  # we are its worker
    settings = {"queue": queue(socket), "functions": [noop, stamp], "concurrency": CONCURRENCY}


@contextmanager
def worker(socket: str) -> Iterator[None]:
    """Its worker command."""
    process = subprocess.Popen(
        [sys.executable, "-m", "saq", "benchmarks.saq_side.settings"],
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


class SaqSide:
    """SAQ on Redis."""

    def enqueue(self, path: Path, jobs: int) -> float:
        """Jobs enqueued per second, one by one."""
        with server(path) as socket:
            return asyncio.run(_enqueue(socket, jobs))

    def drain(self, path: Path, jobs: int) -> float:
        """Waiting jobs performed per second."""
        with server(path) as socket:
            asyncio.run(_enqueue(socket, jobs))
            with Redis(unix_socket_path=socket) as client, worker(socket):
                left = "saq:default:incomplete"
                return observed_rate(lambda: jobs - int(client.zcard(left)), jobs)

    def latency(self, path: Path, samples: int) -> list[float]:
        """Milliseconds from the call of an enqueue to the start of the job."""
        with server(path) as socket, worker(socket):
            return asyncio.run(_latency(socket, samples))


async def _enqueue(socket: str, jobs: int) -> float:
    asked = queue(socket)
    await asked.connect()
    start = time.perf_counter()
    for n in range(jobs):
        await asked.enqueue("noop", n=n, timeout=0, ttl=0)
    rate = jobs / (time.perf_counter() - start)
    await asked.disconnect()
    return rate


async def _latency(socket: str, samples: int) -> list[float]:
    asked = queue(socket)
    await asked.connect()
    while True:
        try:
            await asked.apply("stamp", asked=0, timeout=60)
            break
        except JobError:  # a worker that starts sweeps what another is just about to take
            await asyncio.sleep(0.1)
    waits: list[float] = []
    for n in range(samples):
        await asyncio.sleep(0.02 + n % 50 / 1000)
        waits.append(await asked.apply("stamp", asked=time.monotonic_ns(), timeout=30) / 1e6)
    await asked.disconnect()
    return waits
