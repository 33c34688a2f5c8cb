"""A claim of keyed jobs reads the keys it takes, however many there are and whatever waits of each.

Nobody has analyzed the tables: so it is when the jobs have just come.
"""

from __future__ import annotations

import json

from tests.postgres.reads import reads

from kiribi.job import new_id
from kiribi.ports import NewJob, WorkerInfo
from kiribi.stores import open_store
from kiribi.stores.postgres import PostgresStore

MANY = 3_000
TAKEN = 50


def keyed(n: int, key: str) -> NewJob:
    return NewJob(new_id(), "NOOP", str(n), options=json.dumps({"concurrency_key": key}))


async def test_a_claim_reads_the_keys_it_takes(postgres_url: str) -> None:
    store, queue = await open_store(postgres_url)
    assert isinstance(store, PostgresStore)
    await store.enlist(WorkerInfo("w", bindings=("NOOP",)), 600_000)
    await store.insert([keyed(n, "crowd") for n in range(MANY)])
    await store.insert([keyed(n, f"k{n}") for n in range(MANY)])

    async def claim() -> None:
        assert len(await store.claim("w", ["NOOP"], TAKEN)) == TAKEN

    for _ in range(2):
        await claim()  # hears of the new keys; then finds that what told of them is gone
    pool = store.connections._pool
    assert pool is not None
    read = await reads(pool, postgres_url, claim())
    await queue.close()
    await store.close()
    print(read)
    assert read.entries["lane_turn"] >= TAKEN
    assert sum(read.entries.values()) < 30 * TAKEN
