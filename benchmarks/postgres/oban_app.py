"""Oban for Python, in an interpreter of its own: `python -m … <what> <url> [number]`.

As its worker command runs it: uvloop, orjson, finished jobs kept; without the log lines that the
command writes for each job. What was measured is printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

import orjson
import uvloop
from oban import Oban, worker
from oban.job import Job
from oban.schema import install
from psycopg.types.json import set_json_dumps, set_json_loads

from benchmarks.postgres.process import PIPE, stamping, waited

AS_IN_ITS_BENCHMARK = 20
"""Jobs at a time."""


@worker()
class Noop:
    async def process(self, job: Job) -> None:
        pass


@worker()
class Stamp:
    async def process(self, job: Job) -> None:
        os.write(int(os.environ[PIPE]), struct.pack("q", time.monotonic_ns() - job.args["asked"]))


async def make(url: str, _: int) -> None:
    """Make its tables."""
    pool = await Oban.create_pool(url)
    await install(pool)
    await pool.close()


async def work(url: str, limit: int) -> None:
    """Be its worker until SIGTERM, of so many jobs at a time."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    pool = await Oban.create_pool(url)
    async with Oban(pool=pool, queues={"default": limit}):
        await stopped.wait()
    await pool.close()


async def enqueue(url: str, jobs: int) -> float:
    """Jobs enqueued per second, one by one."""
    pool = await Oban.create_pool(url)
    async with Oban(pool=pool) as oban:
        start = time.perf_counter()
        for n in range(jobs):
            await oban.enqueue(Noop.new({"n": n}))
        rate = jobs / (time.perf_counter() - start)
    await pool.close()
    return rate


async def enqueue_many(url: str, jobs: int) -> float:
    """Jobs enqueued per second, by one call."""
    pool = await Oban.create_pool(url)
    async with Oban(pool=pool) as oban:
        start = time.perf_counter()
        await oban.enqueue_many(Noop.new({"n": n}) for n in range(jobs))
        rate = jobs / (time.perf_counter() - start)
    await pool.close()
    return rate


async def latency(url: str, samples: int) -> list[float]:
    """Milliseconds until a worker in another process starts each."""
    pool = await Oban.create_pool(url)
    module = "benchmarks.postgres.oban_app"
    async with Oban(pool=pool) as oban:

        async def send(asked: int) -> None:
            await oban.enqueue(Stamp.new({"asked": asked}))

        worker = [sys.executable, "-m", module, "work", url, str(AS_IN_ITS_BENCHMARK)]
        with stamping(worker, {}) as stamps:
            told = await waited(send, stamps, samples)
    await pool.close()
    return told


TASKS: Mapping[str, Callable[[str, int], Awaitable[object]]] = {
    "make": make,
    "work": work,
    "enqueue": enqueue,
    "enqueue_many": enqueue_many,
    "latency": latency,
}

if __name__ == "__main__":
    set_json_dumps(orjson.dumps)
    set_json_loads(orjson.loads)
    what, url, *number = sys.argv[1:]
    print(json.dumps(uvloop.run(TASKS[what](url, int(*number)))))
