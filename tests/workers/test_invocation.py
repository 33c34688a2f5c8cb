"""The queue handler's work, while D1 fails at random: every job ends as it should."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Generator, Sequence
from contextlib import closing

import pytest
from tests.workers.d1 import HttpDatabase, d1_worker, databases
from tests.workers.require import require

from kiribi import Kiribi, Performer, Snooze
from kiribi.errors import StoreError
from kiribi.executors.coroutine import CoroutineExecutor
from kiribi.queues.cloudflare import CloudflareQueue, jobs_in, stands_for_lost
from kiribi.runtimes import invocation
from kiribi.runtimes.invocation import Invocation
from kiribi.stores import d1
from kiribi.stores._rows import Row
from kiribi.stores._search import Params
from kiribi.stores.d1 import D1Error, D1Store

JOBS = 120
LEASE = 3.0
SECONDS = 60


class Add(Performer):
    async def perform(self, payload: int) -> int:
        return payload + 1


class Flaky(Performer):
    max_attempts = 4
    retry_delay = 0

    async def perform(self, payload: int) -> int:
        if self.job.attempts == 1 and payload % 2:
            raise Snooze(0)
        if self.job.attempts < 3:
            raise ValueError(payload)
        return payload


class Default(Kiribi):
    pass


class Failing:
    """Fails one call in `of`, before or after it was carried out, by a seed."""

    def __init__(self, database: HttpDatabase, seed: int, of: int) -> None:
        self._database = database
        self._random = random.Random(seed)
        self._of = of
        self.failed = 0

    async def batch(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
        fails = self._random.randrange(self._of) == 0
        if fails and self._random.random() < 0.5:
            self.failed += 1
            raise D1Error("Network connection lost.")
        answer = await self._database.batch(statements)
        if fails:
            self.failed += 1
            raise D1Error("D1 DB storage caused object to be reset.")
        return answer


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Generator[Generator[HttpDatabase]]:
    require()
    with (
        d1_worker(tmp_path_factory.mktemp("d1")) as running,
        closing(databases(running)) as several,
    ):
        yield several


@pytest.mark.parametrize("tries", [1, d1.TRIES], ids=["invocations fail", "the store tries again"])
def test_every_job_ends(
    several: Generator[HttpDatabase], monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr(d1, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(d1, "TRIES", tries)
    monkeypatch.setattr(invocation, "FIRST_PAUSE", 0.05)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")

    async def run() -> None:
        database = next(several)
        await database.fresh()
        failing = Failing(database, seed, of=8)
        messages: list[dict[str, object]] = []
        chance = random.Random(seed)

        async def send(sent: list[dict[str, object]]) -> None:
            if chance.random() < 0.1:
                raise OSError("the queue is overloaded")
            # one in ten is lost, one in ten doubled
            for message in sent:
                messages.extend([message] * chance.choice([1] * 8 + [0, 2]))

        kiribi = Default(None, {})
        store = D1Store(failing, clock=None)
        kiribi.bind(store, CloudflareQueue(send), [Add, Flaky])
        queue = kiribi.queue
        assert isinstance(queue, CloudflareQueue)
        accepted: list[str] = []
        for i in range(JOBS):
            try:
                accepted.append((await kiribi.enqueue(Add if i % 2 else Flaky, i)).id)
            except StoreError:
                continue  # not accepted; it may be there all the same
            if i % 10 == 9:
                await queue.flush()
        end = time.monotonic() + SECONDS
        reader = D1Store(database)
        while time.monotonic() < end:
            batch = [messages.pop() for _ in range(min(5, len(messages)))]
            try:
                if batch:
                    wanted = sum(jobs_in(message["body"]) for message in batch)
                    visit = Invocation(kiribi, store, lambda _: CoroutineExecutor(), LEASE)
                    claimed = await visit.run(wanted)
                    if claimed == wanted and any(stands_for_lost(m["body"]) for m in batch):
                        queue.ring_again(claimed)
                else:
                    await kiribi.tick()
                    if await reader.next_due(["ADD", "FLAKY"]) == 0:
                        queue.ring_again(100)
                    else:
                        await asyncio.sleep(0.2)
            except StoreError:
                messages += batch  # Cloudflare delivers them again
            await queue.flush()
            found = await reader.find(accepted)
            if all(job.status.is_final for job in found):
                break
        found = await reader.find(accepted)
        assert len(found) == len(accepted)
        assert {job.status for job in found} == {"COMPLETED"}, [
            (job.status, job.attempts, job.crashes, job.error) for job in found
        ]
        assert failing.failed

    asyncio.run(run())
