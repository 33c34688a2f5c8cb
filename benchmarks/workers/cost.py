"""What D1 bills for a hundred jobs, from `enqueue` to their end, by its own `meta`; the queue."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.workers.d1 import HttpDatabase, d1_worker, databases

from benchmarks.bench import Bar, Figure
from benchmarks.workers.sizes import Sizes
from kiribi import Kiribi, Performer, lifecycle, new_id
from kiribi.ports import NewJob, WorkerInfo
from kiribi.queues.cloudflare import CloudflareQueue
from kiribi.stores.d1 import D1Store

NUMBER = 100
FREE_STATEMENTS = 50
OPERATIONS = 3
"""Of the queue for a message: it is written, read and deleted."""
ONE, TWO = ("A",), ("A", "B")
WHOLE = "a hundred jobs: enqueue, claim, settle, leave"


class A(Performer):
    """Is enqueued."""

    async def perform(self, payload: int) -> int:
        return payload


def measure(sizes: Sizes, say: Callable[[str], None]) -> Iterator[Figure]:
    """Rows, requests and statements of a batch; operations of the queue."""
    del sizes, say
    with (
        tempfile.TemporaryDirectory() as folder,
        d1_worker(Path(folder)) as running,
        closing(databases(running)) as several,
    ):
        database = next(several)
        asyncio.run(_batches(database, ONE))
        yield from _rows(database, ONE)
        yield Figure("requests to D1 a job", database.trips / NUMBER, "", [Bar("", most=0.05)])
        bar = Bar("", most=FREE_STATEMENTS)
        yield Figure("statements a batch", len(database.metas), "", [bar])
        asyncio.run(_batches(database, TWO))
        yield from _rows(database, TWO)
        bulk, alone = asyncio.run(_messages(database))
        name = "operations of the queue a job, enqueued"
        yield Figure(f"{name} in hundreds", bulk * OPERATIONS / NUMBER, "", [Bar("", most=0.3)])
        yield Figure(f"{name} one by one", alone * OPERATIONS / NUMBER, "", [Bar("", most=3)])


def _rows(database: HttpDatabase, bindings: Sequence[str]) -> Iterator[Figure]:
    """The bars: four written, and what a batch writes; six read."""
    by = f"{len(bindings)} binding{'s' * (len(bindings) > 1)}"
    most = {"written": 4 + (3 * len(bindings) + 4) / NUMBER, "read": 6}
    for did, bar in most.items():
        value = sum(meta[f"rows_{did}"] for meta in database.metas) / NUMBER
        yield Figure(f"rows {did} a job, {by}", value, "rows", [Bar("", most=bar)], note=WHOLE)


async def _messages(database: HttpDatabase) -> tuple[int, int]:
    """How many a hundred jobs send, enqueued in one call, and in a hundred."""
    sent: list[object] = []

    async def send(messages: list[dict[str, Any]]) -> None:
        sent.extend(messages)

    kiribi = Kiribi(None, {})
    queue = CloudflareQueue(send)
    kiribi.bind(D1Store(database), queue, [A])
    await kiribi.enqueue_many([("A", i) for i in range(NUMBER)])
    await queue.flush()
    bulk = len(sent)
    for i in range(NUMBER):
        await kiribi.enqueue("A", i)
        await queue.flush()
    return bulk, len(sent) - bulk


async def _batches(database: HttpDatabase, bindings: Sequence[str]) -> None:
    await database.fresh()
    await _batch(database, "first", bindings)  # they are known, the minute has its rows
    database.metas.clear()
    database.trips = 0
    await _batch(database, "second", bindings)


async def _batch(database: HttpDatabase, worker: str, bindings: Sequence[str]) -> None:
    store = D1Store(database, known=set(bindings) if worker == "second" else None)
    asked = [NewJob(new_id(), bindings[i % len(bindings)], "1") for i in range(NUMBER)]
    await store.insert(asked)
    jobs = await store.visit(WorkerInfo(worker, bindings=tuple(bindings)), 60_000, NUMBER)
    await store.apply([lifecycle.complete(job, {"n": 1}) for job in jobs])
    await store.leave(worker, bindings)
