"""What a loss of power leaves: everything accepted, every outcome stored, and no damage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import apsw
import pytest
from tests.crash.power import Disk, watched

from kiribi import lifecycle
from kiribi._rescue import rescue
from kiribi.errors import StoreUnavailable
from kiribi.job import Job, JobError, JobStatus, new_id
from kiribi.ports import NewJob, WorkerInfo
from kiribi.stores._writer import Writer
from kiribi.stores.sqlite import SqliteStore

ROUNDS, OUTAGES = 60, 40
LEASE = 1 << 40


@dataclass
class Promised:
    """What the callers know of: ids of accepted jobs; results and steps by id, as stored."""

    accepted: set[str] = field(default_factory=set[str])
    results: dict[str, Any] = field(default_factory=dict[str, Any])
    failed: set[str] = field(default_factory=set[str])
    steps: set[str] = field(default_factory=set[str])

    def copy(self) -> Promised:
        return Promised(set(self.accepted), dict(self.results), set(self.failed), set(self.steps))


async def work(path: Path, disk: Disk, chance: Random, folder: Path) -> list[Promised]:
    """Enqueue, claim and settle; the power fails, in a copy, at `OUTAGES` moments meanwhile."""
    store = await SqliteStore.open(str(path))
    await store.migrate()
    await store.enlist(WorkerInfo("lost", bindings=("A",)), LEASE)
    promised = Promised()
    left: list[Promised] = []
    working = 2

    async def enqueue() -> None:
        for _ in range(ROUNDS):
            payload = '"' + "x" * chance.choice([1, 1, 300, 5_000]) + '"'
            number = chance.choice([1, 1, 1, 5, 40])
            jobs = [NewJob(new_id(), "A", payload) for _ in range(number)]
            promised.accepted.update(job.id for job in await store.insert(jobs))

    async def perform() -> None:
        held: list[str] = []
        for number in range(ROUNDS):
            jobs = await store.claim("lost", ["A"], chance.randrange(1, 12), held=held)
            held += [job.id for job in jobs]
            for job in jobs:
                if chance.random() < 0.2 and await store.store_step(job, "step", "1"):
                    promised.steps.add(job.id)
                if chance.random() < 0.7:
                    await settle(job, number)
                    held.remove(job.id)
            await asyncio.sleep(0)

    async def settle(job: Job, number: int) -> None:
        if chance.random() < 0.2:
            error = JobError("ValueError", "")
            change = lifecycle.fail(job, error, max_attempts=1, delay=0)
        else:
            change = lifecycle.complete(job, number)
        assert await store.apply([change]) == [True]
        if change.status is JobStatus.FAILED:
            promised.failed.add(job.id)
        else:
            promised.results[job.id] = number

    async def fail_now_and_then() -> None:
        while working and len(left) < OUTAGES:
            left.append(promised.copy())  # what was promised before must be there
            disk.outage(chance, folder / str(len(left) - 1))
            await asyncio.sleep(0.02 * chance.random())

    async def until_done(*work: Any) -> None:
        nonlocal working
        await asyncio.gather(*work)
        working = 0

    await asyncio.gather(until_done(enqueue(), perform()), fail_now_and_then())
    await store.close()
    return left


async def shortfall(path: Path, promised: Promised) -> Sequence[str]:
    """What of the promises a database left by an outage does not keep; then it goes on."""
    store = await SqliteStore.open(str(path))
    await store.migrate()
    ids = sorted(promised.accepted)
    found = {job.id: job for job in await store.find(ids)}
    wrong = [f"{id} is lost" for id in ids if id not in found]
    wrong += [
        f"the outcome of {id} is lost"
        for id in promised.results.keys() & found.keys()
        if (found[id].status, found[id].result) != (JobStatus.COMPLETED, promised.results[id])
    ]
    wrong += [
        f"the failure of {id} is lost"
        for id in promised.failed & found.keys()
        if found[id].status is not JobStatus.FAILED
    ]
    steps = {id: await store.step(id, "step") for id in promised.steps & found.keys()}
    wrong += [f"a step of {id} is lost" for id, value in steps.items() if value != (1,)]
    # Its worker is as dead as the machine was: what it held comes back, and ends once.
    if any(worker.id == "lost" for worker in await store.workers()):
        await store.bury({"lost": "a loss of power"})
    await rescue(store)
    await store.enlist(WorkerInfo("next", bindings=("A",)), LEASE)
    while again := await store.claim("next", ["A"], 1_000):
        await store.apply([lifecycle.complete(job, "again") for job in again])
    for job in await store.find(ids):
        ends = [one.number for one in job.history]
        if not job.status.is_final or ends != sorted(set(ends)):
            wrong.append(f"{job.id} did not end, or twice: {job.status}, {ends}")
    await store.close()
    checker = apsw.Connection(str(path))
    (told,) = checker.execute("PRAGMA integrity_check").fetchall()[0]
    checker.close()
    return wrong if told == "ok" else [*wrong, f"damaged: {told}"]


def outages(seed: int, folder: Path) -> list[str]:
    chance = Random(seed)
    with watched() as disk:
        left = asyncio.run(work(folder / "jobs.db", disk, chance, folder))
    assert len(left) > 5
    wrong: list[str] = []
    for number, promised in enumerate(left):
        wrong += asyncio.run(shortfall(folder / str(number) / "jobs.db", promised))
    assert left[-1].accepted
    return wrong


@pytest.mark.parametrize("seed", range(3))
def test_nothing_promised_is_lost_with_the_power(tmp_path: Path, seed: int) -> None:
    wrong = outages(seed, tmp_path)
    assert not wrong, f"seed {seed}: {wrong[:5]}"


def test_a_store_that_does_not_sync_would_be_found_out(tmp_path: Path) -> None:
    def never(self: Writer, durable: bool) -> None:
        self._connection.execute("PRAGMA synchronous = NORMAL")

    with patch.object(Writer, "_synchronise", never):
        wrong = outages(1, tmp_path)
    assert any("is lost" in one for one in wrong)


def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def use(disk: Disk) -> None:
        store = await SqliteStore.open(str(tmp_path / "jobs.db"))
        await store.migrate()
        await store.enlist(WorkerInfo("w", bindings=("A",)), LEASE)
        (before,) = await store.insert([NewJob(new_id(), "A", "1")])
        (job,) = await store.claim("w", ["A"], 1)
        disk.full = True
        refused = NewJob(new_id(), "A", '"' + "x" * 5_000 + '"')
        for call in (
            store.insert([refused]),
            store.insert([refused, refused._replace(id=new_id())]),
            store.apply([lifecycle.complete(job, "done")]),
            store.renew(["w"], LEASE),
        ):
            with pytest.raises(StoreUnavailable, match=r"the disk is full; see docs/operations"):
                await call
        assert await store.find([before.id, refused.id]) == [job]
        disk.full = False
        assert await store.apply([lifecycle.complete(job, "done")]) == [True]
        assert len(await store.insert([refused])) == 1
        await store.close()

    with watched() as disk:
        asyncio.run(use(disk))


@pytest.mark.parametrize("how", ["removed", "replaced", "moved"])
def test_a_file_taken_away_while_it_is_open(tmp_path: Path, how: str) -> None:
    path = tmp_path / "jobs.db"

    async def use() -> None:
        store = await SqliteStore.open(str(path))
        await store.migrate()
        accepted = [job.id for job in await store.insert([new() for _ in range(3)])]
        aside = path.rename(tmp_path / "elsewhere.db")
        if how == "removed":
            aside.unlink()
        elif how == "replaced":
            path.write_bytes(aside.read_bytes())
        for several in ([new()], [new(), new()]):
            with pytest.raises(StoreUnavailable, match=r"moved, removed or replaced .*operations"):
                await store.insert(several)
        if how == "moved":
            aside.rename(path)
            (back,) = await store.insert([new()])
            assert len(await store.find([*accepted, back.id])) == 4
        await store.close()

    def new() -> NewJob:
        return NewJob(new_id(), "A", "1")

    asyncio.run(use())
