"""Procrastinate on psycopg 3 and uvloop, finished jobs kept; run as `python -m` it is its worker.

Each job costs it a fetch and a finish, in transactions of their own. Its documentation says to give
short jobs as many connections as they run at a time; more of them than a few are no faster on two
cores. The pool takes connections as they are: to look first whether one still lives, as its own
pool does, is a round trip more.
"""

from __future__ import annotations

import logging
import os
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import uvloop
from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from benchmarks.postgres.process import PIPE, Process, running, stamping, waited

T = TypeVar("T")
CONCURRENCY = 10


def app(url: str) -> App:
    """The application, with its two tasks."""
    connector = PsycopgConnector(
        conninfo=url,
        configure=lambda connection: connection.set_autocommit(True),
        max_size=CONCURRENCY + 1,
        pool_factory=lambda **asked: AsyncConnectionPool(**{**asked, "check": None}),
    )
    made = App(connector=connector)

    @made.task(name="noop")
    async def noop(n: int) -> None:
        pass

    @made.task(name="stamp")
    async def stamp(asked: int) -> None:
        os.write(int(os.environ[PIPE]), struct.pack("q", time.monotonic_ns() - asked))

    return made


@dataclass(frozen=True, slots=True)
class ProcrastinateSide:
    """Procrastinate."""

    left = "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    began = "SELECT extract(epoch FROM min(at)) FROM procrastinate_events WHERE type = 'started'"
    ended = "SELECT extract(epoch FROM at) AS at FROM procrastinate_events WHERE type = 'succeeded'"

    def make(self, url: str) -> None:
        """`procrastinate schema --apply`."""
        _with(url, lambda made: made.schema_manager.apply_schema_async())

    def enqueue(self, url: str, jobs: int) -> float:
        """One caller."""

        async def one_by_one(made: App) -> float:
            noop = made.tasks["noop"]
            start = time.perf_counter()
            for n in range(jobs):
                await noop.defer_async(n=n)
            return jobs / (time.perf_counter() - start)

        return _with(url, one_by_one)

    def enqueue_many(self, url: str, jobs: int) -> float:
        """Its batch."""

        async def all_at_once(made: App) -> float:
            start = time.perf_counter()
            await made.tasks["noop"].batch_defer_async(*({"n": n} for n in range(jobs)))
            return jobs / (time.perf_counter() - start)

        return _with(url, all_at_once)

    def worker(self, url: str) -> AbstractContextManager[Process]:
        """`run_worker`, in a process of its own."""
        return running(_command(url))

    def latency(self, url: str, samples: int) -> list[float]:
        """By NOTIFY."""

        async def waits(made: App) -> list[float]:
            stamp = made.tasks["stamp"]
            return await waited(lambda asked: stamp.defer_async(asked=asked), stamps, samples)

        with stamping(_command(url), {}) as stamps:
            return _with(url, waits)


def _command(url: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.postgres.procrastinate_side", url]


def _with(url: str, task: Callable[[App], Awaitable[T]]) -> T:
    async def run() -> T:
        made = app(url)
        async with made.open_async():
            return await task(made)

    return uvloop.run(run())


if __name__ == "__main__":
    logging.disable()
    _with(sys.argv[1], lambda made: made.run_worker_async(concurrency=CONCURRENCY))
