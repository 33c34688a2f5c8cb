"""A store with its clock: what the tests of the suite share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kiribi import lifecycle
from kiribi.job import Job, JobError, new_id
from kiribi.ports import NewJob, Store, WorkerInfo

START = 1_900_000_000_000
LEASE = 20_000


@dataclass
class Clock:
    """A clock that moves when told."""

    now: int = START

    def __call__(self) -> int:
        return self.now

    def advance(self, ms: int) -> None:
        self.now += ms


@dataclass
class World:
    """A store with its clock, and shorthands for what every test needs."""

    store: Store
    clock: Clock
    serial: int = field(default=0)

    def new(self, binding: str = "A", payload: str = "null", **fields: Any) -> NewJob:
        """A job to insert; its id is the clock's, in the order of making."""
        self.serial += 1
        fresh = new_id(self.clock.now)
        ordered = f"{fresh[:14]}7{self.serial % 4096:03x}{fresh[18:]}"
        return NewJob(ordered, binding, payload, **fields)

    async def put(self, number: int = 1, binding: str = "A", **fields: Any) -> list[str]:
        """Insert so many alike; their ids."""
        jobs = await self.store.insert([self.new(binding, **fields) for _ in range(number)])
        return [job.id for job in jobs]

    async def worker(self, id: str = "w1", bindings: tuple[str, ...] = ("A", "B")) -> str:
        """Enlist a worker; its id."""
        await self.store.enlist(WorkerInfo(id, bindings=bindings, slots=4), LEASE)
        return id


async def used_again(world: World) -> tuple[Job, Job]:
    """A job as a lost worker still has it, and the new one of its id that another runs now."""
    await world.worker("lost")
    id = new_id(world.clock.now)
    again = NewJob(id, "A", "null", chosen_id=True)
    await world.store.insert([again])
    (lost,) = await world.store.claim("lost", ["A"], 1)
    await world.store.bury({"lost": "nobody knows"})
    await world.store.apply([lifecycle.crash(lost, JobError("WorkerLost", "gone"))])
    assert await world.store.delete([id]) == [id]
    await world.store.insert([again])
    await world.worker("found")
    (found,) = await world.store.claim("found", ["A"], 1)
    return lost, found
