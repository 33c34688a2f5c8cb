"""The local doorbell: rings reach waiters in any thread, and from other processes' commits."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kiribi.errors import StoreUnavailable
from kiribi.job import new_id
from kiribi.ports import NewJob, Queue, Store
from kiribi.queues.local import LocalQueue
from kiribi.stores import open_store

LONG = 30.0
"""Seconds: a wait that takes so long has failed."""


def with_store(url: str, use: Callable[[Store, Queue], Awaitable[None]]) -> None:
    async def run() -> None:
        store, queue = await open_store(url)
        try:
            await use(store, queue)
        finally:
            await queue.close()
            await store.close()

    asyncio.run(asyncio.wait_for(run(), LONG))


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


def test_a_ring_wakes_everyone_who_waits(url: str) -> None:
    async def use(_: Store, queue: Queue) -> None:
        waiting = [asyncio.create_task(queue.wait(queue.mark(), LONG)) for _ in range(3)]
        await asyncio.sleep(0)
        queue.ring()
        assert await asyncio.gather(*waiting) == [True] * 3

    with_store(url, use)


def test_a_ring_between_mark_and_wait_is_not_missed(url: str) -> None:
    async def use(_: Store, queue: Queue) -> None:
        mark = queue.mark()
        queue.ring()
        assert await queue.wait(mark, LONG)
        assert not await queue.wait(queue.mark(), 0)

    with_store(url, use)


def test_without_a_ring_the_wait_ends_in_time(url: str) -> None:
    async def use(_: Store, queue: Queue) -> None:
        started = time.monotonic()
        assert not await queue.wait(queue.mark(), 0.1)
        assert 0.09 < time.monotonic() - started < 5

    with_store(url, use)


def test_closing_wakes_everyone_for_good(url: str) -> None:
    async def use(_: Store, queue: Queue) -> None:
        waiting = asyncio.create_task(queue.wait(queue.mark(), LONG))
        await asyncio.sleep(0)
        await queue.close()
        assert not await waiting
        assert not await queue.wait(queue.mark(), LONG)
        await queue.close()

    with_store(url, use)


def test_a_cancelled_wait_leaves_nothing_behind(url: str) -> None:
    async def use(_: Store, queue: Queue) -> None:
        waiting = asyncio.create_task(queue.wait(queue.mark(), LONG))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert isinstance(queue, LocalQueue)
        assert not queue._waiters
        queue.ring()

    with_store(url, use)


def test_another_thread_may_ring_and_another_loop_may_wait(url: str) -> None:
    async def use(_: Store, queue: Queue) -> None:
        heard: list[bool] = []
        mark = queue.mark()
        other = threading.Thread(
            target=lambda: heard.append(asyncio.run(queue.wait(mark, LONG)))  # pyright: ignore
        )
        other.start()
        mine = asyncio.create_task(queue.wait(mark, LONG))
        await asyncio.sleep(0)
        await asyncio.to_thread(queue.ring)
        assert await mine
        await asyncio.to_thread(other.join)
        assert heard == [True]

    with_store(url, use)


COMMITTING = """
import asyncio, sys
from kiribi.job import new_id
from kiribi.ports import NewJob
from kiribi.stores import open_store

async def main():
    store, queue = await open_store(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        await store.insert([NewJob(new_id(), "A", "1")])
        print("committed", flush=True)
    await queue.close()
    await store.close()

asyncio.run(main())
"""


def test_a_commit_of_another_process_rings(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    with subprocess.Popen(
        [sys.executable, "-c", COMMITTING, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        stdin, stdout = other.stdin, other.stdout

        def commit() -> None:
            stdin.write(b"\n")
            stdin.flush()

        async def use(store: Store, queue: Queue) -> None:
            await asyncio.to_thread(stdout.readline)
            for _ in range(3):
                mark = queue.mark()
                waiting = asyncio.create_task(queue.wait(mark, LONG))
                await asyncio.sleep(0)
                commit()
                assert await waiting
                await asyncio.to_thread(stdout.readline)
            # committed after the mark, before the wait
            mark = queue.mark()
            commit()
            assert await asyncio.to_thread(stdout.readline) == b"committed\n"
            assert await queue.wait(mark, 0)

        with_store(url, use)
        stdin.close()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        LocalQueue(str(tmp_path / "nowhere" / "jobs.db"))


def test_waiting_costs_next_to_nothing(tmp_path: Path) -> None:
    """Under half a percent of a core is promised; the bar here leaves room for a busy machine."""

    async def use(store: Store, queue: Queue) -> None:
        await store.insert([NewJob(new_id(), "A", "1")])
        mark = queue.mark()
        spent = time.process_time()
        assert not await queue.wait(mark, 1.0)
        assert time.process_time() - spent < 0.02

    with_store(f"sqlite:///{tmp_path}/jobs.db", use)
