"""Take orders: each is a row and a job, stored by one transaction."""

import asyncio
import os
import sys
from collections import Counter
from contextlib import suppress

import asyncpg
from app import Confirmation, ConfirmOrder

from kiribi import Job, Kiribi

TABLE = """
CREATE TABLE IF NOT EXISTS orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer text NOT NULL,
  cents integer NOT NULL CHECK (cents > 0)
)
"""


class OutOfStock(Exception):
    pass


async def take_order(pool: asyncpg.Pool, kiribi: Kiribi, number: int) -> Job:
    async with pool.acquire() as connection, connection.transaction():
        order = await connection.fetchval(
            "INSERT INTO orders (customer, cents) VALUES ($1, $2) RETURNING id",
            f"customer-{number}@example.org",
            1_000 + number,
        )
        job = await kiribi.enqueue(
            ConfirmOrder, Confirmation(order), transaction=connection, notify=True
        )
        if number % 10 == 0:
            raise OutOfStock  # neither the row nor the job will ever have been there
    return job


async def main(wanted: int) -> None:
    url = os.environ["KIRIBI_DATABASE_URL"]
    async with (
        Kiribi.connect(url, performers=[ConfirmOrder]) as kiribi,
        asyncpg.create_pool(url, min_size=1) as pool,
    ):
        await pool.execute(TABLE)
        jobs: list[Job] = []
        for number in range(1, wanted + 1):
            with suppress(OutOfStock):
                jobs.append(await take_order(pool, kiribi, number))
        print(f"orders wanted: {wanted}, taken: {len(jobs)}")

        for job in jobs:
            await kiribi.result(job.id, timeout=60)
        confirmed = await kiribi.store.find([job.id for job in jobs])
        by_worker = Counter(job.history[-1].worker for job in confirmed)
        print(f"orders confirmed: {len(confirmed)}")
        for worker in await kiribi.workers():
            if number := by_worker[worker.id]:
                print(f"  {number} by process {worker.pid} on {worker.host}")


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
