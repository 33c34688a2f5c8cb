"""What D1 bills for a hundred jobs, from `enqueue` to their end: from its own `meta`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.workers.d1 import HttpDatabase, d1_worker, databases

from benchmarks.bench import Bar, Figure
from kiribi import lifecycle, new_id
from kiribi.ports import NewJob, WorkerInfo
from kiribi.stores.d1 import D1Store

NUMBER = 100
FREE_STATEMENTS = 50


def measure() -> Iterator[Figure]:
    """Rows, requests and statements of a batch of one binding."""
    with (
        tempfile.TemporaryDirectory() as folder,
        d1_worker(Path(folder)) as running,
        closing(databases(running)) as several,
    ):
        database = next(several)
        asyncio.run(_batches(database))
    metas = database.metas
    written, read = (sum(meta[f"rows_{did}"] for meta in metas) for did in ("written", "read"))
    note = "a hundred jobs of one binding: enqueue, claim, settle, leave"
    yield Figure("rows written a job", written / NUMBER, "rows", [Bar("", most=4.07)], note=note)
    yield Figure("rows read a job", read / NUMBER, "rows", [Bar("", most=6)])
    yield Figure("requests to D1 a job", database.trips / NUMBER, "", [Bar("", most=0.05)])
    statements = Figure("statements a batch", len(metas), "", [Bar("", most=FREE_STATEMENTS)])
    yield statements


async def _batches(database: HttpDatabase) -> None:
    await database.fresh()
    await _batch(database, "first")  # the binding is known, the minute has its row
    database.metas.clear()
    database.trips = 0
    await _batch(database, "second")


async def _batch(database: HttpDatabase, worker: str) -> None:
    store = D1Store(database, known={"A"} if worker == "second" else None)
    await store.insert([NewJob(new_id(), "A", "1") for _ in range(NUMBER)])
    jobs = await store.visit(WorkerInfo(worker, bindings=("A",)), 60_000, NUMBER)
    await store.apply([lifecycle.complete(job, {"n": 1}) for job in jobs])
    await store.leave(worker, ["A"])
