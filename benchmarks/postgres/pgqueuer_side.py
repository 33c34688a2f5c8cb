"""PgQueuer: uvloop, asyncpg, one connection; as `pgq autovac` tunes it. As `python -m`, its worker.

Its documentation names these for throughput: asyncpg rather than psycopg, a large batch, a
connection of its own for the worker, `pgq autovac`. Durability stays at its default, `durable`.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import asyncpg
import uvloop
from pgqueuer import PgQueuer, run
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.postgres.process import PIPE, Process, running, stamping, waited

T = TypeVar("T")


@asynccontextmanager
async def manager(url: str) -> AsyncIterator[PgQueuer]:
    """What its worker runs."""
    connection = await asyncpg.connect(url)
    queuer = PgQueuer(AsyncpgDriver(connection))

    @queuer.entrypoint("noop")
    async def noop(job: Job) -> None:
        pass

    @queuer.entrypoint("stamp")
    async def stamp(job: Job) -> None:
        waited = time.monotonic_ns() - json.loads(job.payload or b"")["asked"]
        os.write(int(os.environ[PIPE]), struct.pack("q", waited))

    yield queuer
    await connection.close()


@dataclass(frozen=True, slots=True)
class PgQueuerSide:
    """PgQueuer; `batch`: jobs a claim, and settled at once."""

    batch: int = 500

    left = "SELECT 1 FROM pgqueuer"
    began = "SELECT extract(epoch FROM min(created)) FROM pgqueuer_log WHERE status = 'picked'"
    ended = "SELECT extract(epoch FROM created) AS at FROM pgqueuer_log WHERE status = 'successful'"

    def make(self, url: str) -> None:
        """`pgq install` and `pgq autovac`."""

        async def install(queries: Queries) -> None:
            await queries.install()
            await queries.optimize_autovacuum()

        _asked(url, install)

    def enqueue(self, url: str, jobs: int) -> float:
        """One caller."""

        async def one_by_one(queries: Queries) -> float:
            start = time.perf_counter()
            for n in range(jobs):
                await queries.enqueue("noop", json.dumps({"n": n}).encode())
            return jobs / (time.perf_counter() - start)

        return _asked(url, one_by_one)

    def enqueue_many(self, url: str, jobs: int) -> float:
        """Its bulk: one call, one statement."""

        async def all_at_once(queries: Queries) -> float:
            start = time.perf_counter()
            payloads = [json.dumps({"n": n}).encode() for n in range(jobs)]
            await queries.enqueue(["noop"] * jobs, list(payloads), [0] * jobs)
            return jobs / (time.perf_counter() - start)

        return _asked(url, all_at_once)

    def worker(self, url: str) -> AbstractContextManager[Process]:
        """What `pgq run` does."""
        return running(self._command(url))

    def latency(self, url: str, samples: int) -> list[float]:
        """By NOTIFY, which it sends for each job."""

        async def waits(queries: Queries) -> list[float]:
            async def send(asked: int) -> None:
                await queries.enqueue("stamp", json.dumps({"asked": asked}).encode())

            return await waited(send, stamps, samples)

        with stamping(self._command(url), {}) as stamps:
            return _asked(url, waits)

    def _command(self, url: str) -> list[str]:
        module = "benchmarks.postgres.pgqueuer_side"
        return [sys.executable, "-m", module, url, str(self.batch)]


async def _with(url: str, task: Callable[[Queries], Awaitable[T]]) -> T:
    connection = await asyncpg.connect(url)
    try:
        return await task(Queries(AsyncpgDriver(connection)))
    finally:
        await connection.close()


def _asked(url: str, task: Callable[[Queries], Awaitable[T]]) -> T:
    return uvloop.run(_with(url, task))


if __name__ == "__main__":
    uvloop.run(run(partial(manager, sys.argv[1]), batch_size=int(sys.argv[2])))
