"""For your own tests: the real store in memory, jobs run at your word, a clock that you move.

```python
async def test_reminds_after_a_day():
    clock = FakeClock()
    async with connected(Default, clock=clock) as kiribi:
        await kiribi.enqueue(SendMail, Mail(to="ann@example.com"))
        (job,) = await drain(kiribi)
        assert job.result == "sent"

        await assert_enqueued(kiribi, Remind, {"to": "ann@example.com"})
        assert await drain(kiribi) == []
        clock.advance(86_400)
        (reminder,) = await drain(kiribi)
```

Nothing here is a stand-in but the clock: store, life cycle, executors and hooks are those of a
worker. Timeouts and the wait of `Kiribi.perform` go by the real clock.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from kiribi._attempt import Reports, Running
from kiribi._execution import Ended, Execution
from kiribi._housekeeping import Housekeeping
from kiribi._json import encode
from kiribi._lease import this_worker
from kiribi._recurring import fire
from kiribi._settler import Settler
from kiribi.executors import Executors
from kiribi.job import Job, epoch_ms
from kiribi.manager import Kiribi
from kiribi.performer import Performer
from kiribi.stores import open_store

K = TypeVar("K", bound=Kiribi)

LEASE_MS = 1 << 40
"""However far a test moves the clock, its worker lives."""
ENDLESS = 1_000
"""Attempts of one job in one `drain`, at most."""
SHOWN = 20
"""Jobs that a failed assertion lists."""


class FakeClock:
    """The store's clock, standing still until told; `start` needs a time zone."""

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self.now = start

    def __call__(self) -> int:
        """The time in epoch milliseconds: what a store asks for."""
        return epoch_ms(self.now)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now += timedelta(seconds=seconds)


@asynccontextmanager
async def connected(
    manager: type[K] = Kiribi,
    *,
    performers: Iterable[type[Performer]] | None = None,
    clock: FakeClock | None = None,
    database: str = "sqlite://",
) -> AsyncGenerator[K]:
    """A manager on an empty database in memory, by a clock of its own.

    Args:
        performers: by default those of the module of `manager`.
        clock: pass your own to move it.
        database: another than memory, for tests with several processes.
    """
    kiribi = manager(None, os.environ)
    store, queue = await open_store(database, clock=clock or FakeClock())
    kiribi.bind(store, queue, performers)
    try:
        yield kiribi
    finally:
        await kiribi.close()


async def drain(kiribi: Kiribi) -> list[Job]:
    """Run whatever is due, one job after the other, until nothing is: also what they enqueue.

    Also schedules (those that performers declare begin with the first `drain`) and bulk actions.

    Returns the jobs that ran as they then are, in the order they first ran. Retries and delayed
    jobs wait for the clock.

    Raises:
        AssertionError: a job was due again over 1,000 times without a move of the clock.
    """
    attempts: Counter[str] = Counter()
    async with _worker(kiribi) as worker:
        await kiribi.store.declare(worker.id, await kiribi.schedules.declared(kiribi.performers))
        await fire(kiribi.store)
        housekeeping = Housekeeping(kiribi.store, kiribi.queue)
        while (ended := await worker.attempt()) is not None or await housekeeping.mend():
            if ended is None:
                continue
            attempts[ended.job.id] += 1
            if attempts[ended.job.id] > ENDLESS:
                raise AssertionError(f"job {ended.job.id} ({ended.job.binding}) is due for ever")
    return await kiribi.store.find(list(attempts))


async def run(
    performer: type[Performer],
    payload: Any = None,
    *,
    app: Any = None,
    env: Mapping[str, Any] | None = None,
) -> Any:
    """Perform once and return the JSON value of what it returns; raises whatever it raises.

    The payload is checked as by `enqueue`; log, progress, `once` and the timeout work.

    Args:
        app: what `self.app` is to be.
        env: what `self.env` is to be; by default the environment.
    """
    async with connected(performers=[performer]) as kiribi:
        await kiribi.start()
        kiribi.app = app
        kiribi.env = kiribi.env if env is None else env
        await kiribi.enqueue_many([(performer, payload, {"first_delay": 0})])
        async with _worker(kiribi) as worker:
            ended = cast("Ended", await worker.attempt())
    if ended.error is not None:
        raise ended.error
    return ended.value


async def assert_enqueued(
    kiribi: Kiribi,
    binding: str | type[Performer],
    payload: Any = ...,
    *,
    times: int | None = None,
) -> list[Job]:
    """Assert that jobs of a binding were enqueued; those that match, oldest first.

    Args:
        payload: an object asks for these fields, also within each other; anything else for
            this very value; left out, for any.
        times: so many, exactly (0: none); None: at least one.

    Raises:
        AssertionError: telling what was enqueued instead.
    """
    name = binding if isinstance(binding, str) else binding.binding
    wanted = payload if payload is ... else json.loads(encode(payload))
    jobs = await _all_jobs(kiribi)
    found = [job for job in jobs if job.binding == name and _holds(job.payload, wanted)]
    if len(found) != times if times is not None else not found:
        asked = name if wanted is ... else f"{name} with {wanted!r}"
        lines = [f"  {job.binding} with {job.payload!r} ({job.status})" for job in jobs[-SHOWN:]]
        number = "at least 1 job" if times is None else f"{times} jobs"
        raise AssertionError(
            f"expected {number} of {asked}, found {len(found)}; enqueued were\n"
            + ("\n".join(lines) or "  none")
        )
    return found


def _holds(value: Any, wanted: Any) -> bool:
    if wanted is ...:
        return True
    if isinstance(wanted, dict) and isinstance(value, dict):
        fields, asked = cast("dict[str, Any]", value), cast("dict[str, Any]", wanted)
        return all(key in fields and _holds(fields[key], item) for key, item in asked.items())
    return value == wanted


async def _all_jobs(kiribi: Kiribi) -> list[Job]:
    """Every job, whole, oldest first."""
    ids: list[str] = []
    before: str | None = None
    while True:
        page = await kiribi.find_many(before=before, limit=1_000)
        ids += [job.id for job in page.jobs]
        if page.next is None:
            return await kiribi.store.find(ids[::-1])
        before = page.next


class _Worker:
    """A worker that makes one attempt at a time, when told."""

    def __init__(self, kiribi: Kiribi, id: str) -> None:
        self._kiribi = kiribi
        self.id = id
        self._execution = Execution(kiribi)
        self._reports = Reports(kiribi.store)
        self._settler = Settler(kiribi.store, self._reports, self._settled, self._failed)
        self._taken = False
        self.executors = Executors(kiribi.source, 1)

    async def attempt(self) -> Ended | None:
        """Make an attempt at the best due job, settle it, call the hook; None: nothing is due."""
        kiribi = self._kiribi
        jobs = await kiribi.store.claim(self.id, list(kiribi.performers), 1)
        if not jobs:
            return None
        job = jobs[0]
        attempt = Running(job, self._reports, self._execution.timeout(job))
        kiribi.running[job.id] = attempt
        executor = kiribi.performers[job.binding].executor
        ended = await self._execution.run(
            attempt, self.executors.named(executor, alone=job.crashes > 0)
        )
        self._settler.add(ended)
        await self._settler.flush()
        if self._taken and self._execution.hooked:
            await self._execution.hooks(ended)
        return ended

    def _settled(self, batch: Sequence[Ended], taken: Sequence[bool]) -> None:
        for ended, self._taken in zip(batch, taken, strict=True):
            del self._kiribi.running[ended.job.id]

    def _failed(self, error: BaseException) -> None:
        raise error


@asynccontextmanager
async def _worker(kiribi: Kiribi) -> AsyncGenerator[_Worker]:
    await kiribi.start()
    bindings = tuple(kiribi.performers)
    await kiribi.register(bindings)
    info = this_worker(bindings, 1)
    await kiribi.store.enlist(info, LEASE_MS)
    worker = _Worker(kiribi, info.id)
    try:
        yield worker
    finally:
        await worker.executors.close()
        await kiribi.store.bury({info.id: "it was shut down"})
        await kiribi.store.dismiss(info.id)
