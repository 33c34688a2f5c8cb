"""A feature costs only those who use it: what a batch of plain jobs costs, on every store."""

from __future__ import annotations

import pytest
from tests.conformance.conftest import D1, Opener, Postgres
from tests.conformance.meters import Cost, metered
from tests.conformance.world import World

from kiribi import lifecycle
from kiribi.job import OPEN, Job, JobError
from kiribi.unique import UniqueKey

N = 100
SQLITE = {
    "insert": Cost(3, N + 1),  # the jobs; one row of statistics
    "claim": Cost(3, N + 2),  # and what this worker holds
    "retry": Cost(3, N + 2),  # and the cause of the failures
    "success": Cost(2, N + 1),
    "failure": Cost(3, N + 2),
    "cancel": Cost(2, N + 1),
    "delete": Cost(2, N + 1),
}
ON_D1 = {
    # indexes are billed, too; a change of jobs is three statements that read less than the one
    "insert": Cost(3, 2 * N + 1),
    "claim": Cost(5, N + 2),
    "retry": Cost(5, 2 * N + 3),
    "success": Cost(4, N + 1),
    "failure": Cost(5, 2 * N + 3),
    "cancel": Cost(4, 2 * N + 1),
    "delete": Cost(2, N + 1),
}
ON_POSTGRES = {
    "insert": Cost(1, N + 1),
    "claim": Cost(1, N + 3),
    "retry": Cost(3, N + 2),
    "success": Cost(1, 2 * N + 1),  # moved to the shelf of those that ended
    "failure": Cost(3, 2 * N + 2),
    "cancel": Cost(1, 2 * N + 1),
    "delete": Cost(1, N + 1),
}


def fail(job: Job, attempts: int) -> lifecycle.Change:
    return lifecycle.fail(job, JobError("ValueError", "boom"), max_attempts=attempts, delay=0)


async def others(world: World) -> None:
    """Somebody uses limits, keys, unique jobs and a pause, of another binding."""
    await world.store.limit("B", {"concurrency": 3})
    await world.put(3, "B", options='{"concurrency_key":"k"}')
    await world.put(1, "B", unique=UniqueKey("u", tuple(OPEN)))
    await world.store.pause("C", True)
    await world.put(1, "C")
    assert await world.store.claim("w1", ["B"], 9)


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside others"])
async def test_plain_jobs(opener: Opener, alone: bool) -> None:
    async with metered(opener) as (world, meter):
        store = world.store
        await world.worker(bindings=("A", "B"))
        # the binding is known, this minute's row is there, so are the cause and where the ended go
        await world.put(2)
        failed, completed = await store.claim("w1", ["A"], 2)
        await store.apply([fail(failed, 1), lifecycle.complete(completed, 1)])
        if not alone:
            await others(world)

        costs: dict[str, Cost] = {}

        async def claimed() -> list[Job]:
            jobs, costs["claim"] = await meter(store.claim("w1", ["A"], N))
            assert len(jobs) == N
            return jobs

        async def applied(what: str, changes: list[lifecycle.Change]) -> None:
            took, costs[what] = await meter(store.apply(changes))
            assert all(took)

        _, costs["insert"] = await meter(store.insert([world.new() for _ in range(N)]))
        await applied("retry", [fail(job, 2) for job in await claimed()])
        await applied("success", [lifecycle.complete(job, 1) for job in await claimed()])
        await world.put(N)
        await applied("failure", [fail(job, 1) for job in await claimed()])
        ids = await world.put(N)
        waiting = await store.find(ids)
        await applied("cancel", [lifecycle.cancel(job) for job in waiting])
        _, costs["delete"] = await meter(store.delete(ids))
    match opener:
        case D1():
            assert costs == ON_D1
        case Postgres():
            assert costs == ON_POSTGRES
        case _:
            assert costs == SQLITE
