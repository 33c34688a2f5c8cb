"""What is measured of everybody with jobs in a PostgreSQL database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from benchmarks.bench import until
from benchmarks.postgres.database import Databases, ask
from benchmarks.postgres.process import Process, ends_no_earlier


class Side(Protocol):
    """Somebody with jobs in a PostgreSQL database.

    When jobs were claimed and settled, is read from their rows once all are done: to look while
    they run would cost them the cores that they share with the server.
    """

    @property
    def left(self) -> str:
        """SQL that says whether jobs are not done yet, at once."""
        ...

    @property
    def began(self) -> str:
        """SQL of the time of the first claim, in seconds of the database's clock."""
        ...

    @property
    def ended(self) -> str:
        """SQL of the times `at` which jobs were done, a row each."""
        ...

    def make(self, url: str, /) -> None:
        """Make its tables."""

    def enqueue(self, url: str, jobs: int, /) -> float:
        """Jobs enqueued per second, one by one."""
        ...

    def enqueue_many(self, url: str, jobs: int, /) -> float:
        """Jobs enqueued per second, all by one call."""
        ...

    def worker(self, url: str, /) -> AbstractContextManager[Process]:
        """Its worker."""
        ...

    def latency(self, url: str, samples: int, /) -> list[float]:
        """Milliseconds from the call of an enqueue to the start of the job in another process."""
        ...


def drain(side: Side, databases: Databases, jobs: int) -> float:
    """Jobs per second that its worker works off a fresh database."""
    with databases.fresh() as url:
        side.make(url)
        side.enqueue_many(url, jobs)
        with side.worker(url) as process:
            return worked_off(side, url, jobs, process)


def worked_off(side: Side, url: str, jobs: int, process: Process) -> float:
    """Jobs per second from the first claim to the last settling, once all are done."""

    def all_done() -> bool:
        ends_no_earlier(process)
        return not ask(url, f"SELECT EXISTS ({side.left})")[0]

    until(all_done, "all jobs are done", pause=0.05)
    done, seconds = ask(
        url, f"SELECT count(*), (max(at) - ({side.began}))::float8 FROM ({side.ended}) AS ended"
    )
    assert done == jobs, f"{done} of {jobs} jobs are done"
    return jobs / seconds


def enqueue(side: Side, databases: Databases, jobs: int, *, many: bool) -> float:
    """Jobs per second enqueued in a fresh database."""
    with databases.fresh() as url:
        side.make(url)
        return (side.enqueue_many if many else side.enqueue)(url, jobs)
