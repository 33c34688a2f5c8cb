"""Migrations beside others: who holds a table for long is not waited for, nor held up."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from kiribi.errors import StoreUnavailable
from kiribi.stores import migrate, open_store


async def test_a_migration_gives_way(postgres_url: str) -> None:
    await migrate(postgres_url)
    holder = await asyncpg.connect(postgres_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE kiribi.meta IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            async with asyncio.timeout(20):
                await migrate(postgres_url)
    assert await migrate(postgres_url) == 0
    await holder.close()


async def test_many_at_once_migrate_once(postgres_url: str) -> None:
    url = f"{postgres_url}?schema=raced"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DROP SCHEMA IF EXISTS raced CASCADE")
    ran = await asyncio.gather(*(migrate(url) for _ in range(8)))
    assert sorted(ran)[:-1] == [0] * 7
    assert ran.count(0) == 7
    store, queue = await open_store(url, migrate=False)
    await queue.close()
    await store.close()
    await connection.execute("DROP SCHEMA raced CASCADE")
    await connection.close()
