"""Kiribi on PostgreSQL as users run it: the worker command with its supervisor."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.app import Noop, Stamp
from benchmarks.kiribi_side import options
from benchmarks.latency import waits
from benchmarks.postgres import callers
from benchmarks.postgres.process import Process, running
from kiribi import Kiribi


@dataclass(frozen=True, slots=True)
class KiribiSide:
    """Kiribi.

    Attributes:
        since: epoch milliseconds: jobs that ended before are not ours.
        keys: how many concurrency keys share the jobs enqueued at once.
    """

    concurrency: int = 100
    processes: int = 1
    since: int = 0
    keys: int = 0

    left = "SELECT 1 FROM kiribi.job WHERE shelf = 0"

    @property
    def began(self) -> str:
        """When the first job started."""
        return f"SELECT min(started_ms) / 1000.0 FROM kiribi.job WHERE {self._ours}"

    @property
    def ended(self) -> str:
        """When each ended."""
        return f"SELECT finished_ms / 1000.0 AS at FROM kiribi.job WHERE {self._ours}"

    @property
    def _ours(self) -> str:
        return f"shelf >= {max(1, 2 * (self.since // 86_400_000))} AND started_ms >= {self.since}"

    def make(self, url: str) -> None:
        """Migrate."""

        async def migrate() -> None:
            async with Kiribi.connect(url, performers=[Noop, Stamp]):
                pass

        callers.run(migrate())

    def enqueue(self, url: str, jobs: int) -> float:
        """One caller; each job is durable when its call returns."""

        async def one_by_one() -> float:
            async with Kiribi.connect(url, performers=[Noop]) as kiribi:
                start = time.perf_counter()
                for n in range(jobs):
                    await kiribi.enqueue("NOOP", {"n": n})
                return jobs / (time.perf_counter() - start)

        return callers.run(one_by_one())

    def enqueue_many(self, url: str, jobs: int, delay: float = 0) -> float:
        """All in one transaction."""

        async def all_at_once() -> float:
            async with Kiribi.connect(url, performers=[Noop]) as kiribi:
                start = time.perf_counter()
                delayed = {"first_delay": delay} if delay else {}
                await kiribi.enqueue_many(
                    (
                        "NOOP",
                        {"n": n},
                        {**delayed, **options(n, self.keys)} if self.keys else delayed,
                    )
                    for n in range(jobs)
                )
                return jobs / (time.perf_counter() - start)

        return callers.run(all_at_once())

    def worker(self, url: str) -> AbstractContextManager[Process]:
        """`kiribi worker`."""
        asked = ["--concurrency", str(self.concurrency), "--processes", str(self.processes)]
        command = ["-m", "kiribi", "worker", "benchmarks.app", "--database", url, *asked]
        return running([sys.executable, *command])

    def latency(self, url: str, samples: int) -> list[float]:
        """The job's result is its stamp."""

        async def stamped() -> list[float]:
            async with Kiribi.connect(url, performers=[Stamp]) as kiribi:
                with self.worker(url):
                    return await waits(kiribi, samples)

        return callers.run(stamped())
