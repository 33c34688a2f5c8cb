"""Limits, raced: clients at once, each with its own connections, and never more than allowed."""

from __future__ import annotations

import threading
from collections import Counter

from tests.conformance.conftest import Share
from tests.conformance.test_limits import key_of, keyed, limited
from tests.conformance.test_races import CLIENTS, raced
from tests.conformance.world import World

from kiribi import lifecycle
from kiribi.job import Job, JobError, JobStatus
from kiribi.ports import Store
from kiribi.search import JobFilter

RUNNING = JobFilter(bindings=("A",), statuses=(JobStatus.PROCESSING,))


class Watch:
    """Counts what certainly runs: from after a claim until before its outcome is stored."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = Counter[str | None]()
        self.most = 0
        self.most_of_a_key = 0

    def begin(self, jobs: list[Job]) -> None:
        with self._lock:
            self._running.update(map(key_of, jobs))
            self.most = max(self.most, self._running.total())
            keys = [number for key, number in self._running.items() if key is not None]
            self.most_of_a_key = max(self.most_of_a_key, *keys, 0)

    def end(self, jobs: list[Job]) -> None:
        with self._lock:
            self._running.subtract(map(key_of, jobs))


async def work(store: Store, name: str, watch: Watch, number: int) -> int:
    """Claim a few and complete them, until `number` jobs of all are done; how many it did."""
    done = 0
    completed = JobFilter(bindings=("A",), statuses=(JobStatus.COMPLETED,))
    while True:
        jobs = await store.claim(name, ["A"], 3)
        watch.begin(jobs)
        watch.most = max(watch.most, (await store.count(RUNNING)).value)
        watch.end(jobs)
        assert all(await store.apply([lifecycle.complete(job, None) for job in jobs]))
        done += len(jobs)
        if not jobs and (await store.count(completed)).value == number:
            return done


async def test_never_more_than_n_at_a_time(world: World, share: Share) -> None:
    for number in range(CLIENTS):
        await world.worker(f"w{number}")
    await limited(world, concurrency=4)
    await world.put(150)
    watch = Watch()
    done = await raced(
        share, world.store, lambda store, number: work(store, f"w{number}", watch, 150)
    )
    assert sum(done) == 150
    assert 1 < watch.most <= 4


async def test_never_more_than_n_of_a_key(world: World, share: Share) -> None:
    for number in range(CLIENTS):
        await world.worker(f"w{number}")
    await limited(world, concurrency_per_key=2, concurrency=5)
    for number in range(150):
        await world.put(1, options=keyed(f"k{number % 4}"))
    watch = Watch()
    done = await raced(
        share, world.store, lambda store, number: work(store, f"w{number}", watch, 150)
    )
    assert sum(done) == 150
    assert 1 < watch.most <= 5
    assert 1 < watch.most_of_a_key <= 2


async def test_a_key_without_a_limit_excludes_itself(world: World, share: Share) -> None:
    for number in range(CLIENTS):
        await world.worker(f"w{number}")
    await world.put(60, options=keyed("k"))
    watch = Watch()
    await raced(share, world.store, lambda store, number: work(store, f"w{number}", watch, 60))
    assert watch.most == 1


async def test_of_an_instant_no_more_start_than_the_burst(world: World, share: Share) -> None:
    for number in range(CLIENTS):
        await world.worker(f"w{number}")
    rate = {"limit": 10, "per": 1.0, "burst": 25}
    await limited(
        world, rate_limit=rate, rate_limit_per_key={**rate, "burst": 7}, concurrency_per_key=99
    )
    for number in range(100):
        await world.put(1, options=keyed(f"k{number % 5}"))

    async def act(store: Store, number: int) -> list[Job]:
        taken: list[Job] = []
        for _ in range(10):
            taken += await store.claim(f"w{number}", ["A"], 2, held=[job.id for job in taken])
        return taken

    started = [job for jobs in await raced(share, world.store, act) for job in jobs]
    assert len(started) == 25
    assert max(Counter(map(key_of, started)).values()) <= 7


async def test_one_probe_among_many_workers(world: World, share: Share) -> None:
    world.clock.advance(-10_000)  # the others' clocks show the time of the probe
    for number in range(CLIENTS):
        await world.worker(f"w{number}")
    await limited(world, retry_budget={"failures": 1, "probe": 10.0})
    await world.put(50)
    (first,) = await world.store.claim("w0", ["A"], 1)
    boom = JobError("ValueError", "boom")
    await world.store.apply([lifecycle.fail(first, boom, max_attempts=9, delay=0)])
    world.clock.advance(10_000)

    async def act(store: Store, number: int) -> int:
        return len(await store.claim(f"w{number}", ["A"], 5))

    assert sum(await raced(share, world.store, act)) == 1
