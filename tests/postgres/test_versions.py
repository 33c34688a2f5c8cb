"""Every PostgreSQL that this machine has: the same application on each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres.server import QUICK, Server, installed

from kiribi import JobFilter, Kiribi, Performer, Retry, Unique
from kiribi.job import JobStatus
from kiribi.runtimes.worker import Worker

VERSIONS = installed()


class Keyed(Performer):
    concurrency = 3

    async def perform(self, number: int) -> int:
        self.log(f"number {number}")
        return await self.once("double", lambda key: number * 2)


class Flaky(Performer):
    max_attempts = 2

    async def perform(self, number: int) -> int:
        if self.job.attempts == 1:
            raise Retry(after=0)
        return number


class Broken(Performer):
    max_attempts = 1

    async def perform(self, number: int) -> int:
        raise ValueError(number)


@pytest.fixture(params=VERSIONS, ids=[str(number) for number in VERSIONS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with Server(tmp_path, *QUICK, bin=VERSIONS[request.param]) as server:
        yield server.url


def test_one_application(url: str) -> None:
    asyncio.run(scenario(url))


async def scenario(url: str) -> None:
    async with Kiribi.connect(url, performers=[Keyed, Flaky, Broken]) as kiribi, Worker(kiribi):
        keyed = await kiribi.enqueue_many(
            (Keyed, n, {"concurrency_key": f"k{n % 3}"}) for n in range(30)
        )
        first = await kiribi.enqueue(Flaky, 7, unique=Unique(key="only"))
        again = await kiribi.enqueue(Flaky, 7, unique=Unique(key="only"))
        assert (again.id, again.duplicate) == (first.id, True)
        last = await kiribi.enqueue(Keyed, 1, after=[*keyed, first], concurrency_key="last")
        assert await kiribi.result(last.id, timeout=60) == 2
        assert [await kiribi.result(job.id) for job in keyed] == [2 * n for n in range(30)]
        assert (await kiribi.find(first.id)).failures == 1

        broken = await kiribi.enqueue(Broken, 1)
        with pytest.raises(Exception, match="1"):
            await kiribi.result(broken.id, timeout=60)
        (cause,) = await kiribi.failures(bindings=["BROKEN"])
        assert (cause.binding, cause.number) == ("BROKEN", 1)
        await kiribi.retry(broken.id)
        with pytest.raises(Exception, match="1"):
            await kiribi.result(broken.id, timeout=60)
        assert len((await kiribi.find(broken.id)).history) == 2

        await kiribi.store.roll_up()
        assert (await kiribi.count(JobFilter(bindings=("KEYED",)))).value == 31
        assert (await kiribi.find_many(JobFilter(statuses=(JobStatus.FAILED,)))).jobs[
            0
        ].id == broken.id
        assert {one.binding for one in await kiribi.stats()} == {"KEYED", "FLAKY", "BROKEN"}
        assert (await kiribi.delete([broken.id])).done == (broken.id,)
