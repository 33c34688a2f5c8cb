"""What `kiribi prove` asks of a PostgreSQL server: a scratch schema, its clock, cut lines."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from kiribi.errors import StoreUnavailable
from kiribi.stores._asyncpg import FAILED, Connections
from kiribi.stores._postgres_statements import in_schema
from kiribi.stores._postgres_url import parsed

SAMPLES = 20
CUT = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = $1 AND datname = current_database() AND random() < $2
"""


async def sever(url: str, name: str, share: float = 1.0) -> int:
    """Cut connections that call themselves `name`, about so many of them; how many these were."""
    async with _connection(url) as connection:
        return await connection.fetchval(CUT, name, share)


async def drop(url: str, name: str) -> None:
    """Remove the schema of a URL with all that is in it, whoever calls himself `name` cut off."""
    schema = in_schema("kiribi.", parsed(url).schema)[:-1]
    async with _connection(url) as connection:
        await connection.fetchval(CUT, name, 1.0)
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


async def ahead(url: str) -> tuple[int, int]:
    """How far the server's clock is ahead of ours, in nanoseconds: at least, and at most."""
    least, most = -(2**63), 2**63
    async with _connection(url) as connection:
        for _ in range(SAMPLES):
            before = time.time_ns()
            there = await connection.fetchval(
                "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
            )
            least = max(least, there * 1_000 - time.time_ns())
            most = min(most, there * 1_000 + 1_000 - before)
    return least, most


@asynccontextmanager
async def _connection(url: str) -> AsyncGenerator[asyncpg.Connection]:
    where = parsed(url)
    connections = Connections(where.shown, where.options)
    try:
        connection = await connections.connect()
        try:
            await connection.execute("SET application_name = 'kiribi prove, at the switch'")
            yield connection
        finally:
            await connection.close()
    except StoreUnavailable:
        raise
    except FAILED as error:
        raise connections.unavailable(error) from error
