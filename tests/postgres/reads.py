"""What calls of a store read, by the database's own statistics."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

import asyncpg

TOLD = """
SELECT relkind, relname, pg_stat_get_numscans(pg_class.oid),
  pg_stat_get_tuples_returned(pg_class.oid)
FROM pg_class WHERE relnamespace = 'kiribi'::regnamespace AND relkind IN ('r', 'i')
"""


@dataclass(frozen=True, slots=True)
class Reads:
    """Of some calls.

    Attributes:
        scanned: tables that were read from one end to the other, and how many rows that were.
        entries: entries read of each index that was used.
    """

    scanned: dict[str, int]
    entries: dict[str, int]


async def reads(pool: asyncpg.Pool, url: str, call: Awaitable[object]) -> Reads:
    """What `call` reads by the connections of a pool."""
    before = await _told(pool, url)
    await call
    after = await _told(pool, url)
    done = {
        relation: (scans - before.get(relation, (0, 0))[0], read - before.get(relation, (0, 0))[1])
        for relation, (scans, read) in after.items()
    }
    return Reads(
        {name: read for (kind, name), (scans, read) in done.items() if kind == b"r" and scans},
        {name: read for (kind, name), (scans, read) in done.items() if kind == b"i" and scans},
    )


async def _told(pool: asyncpg.Pool, url: str) -> dict[tuple[bytes, str], tuple[int, int]]:
    rows = await told(pool, url, TOLD)
    return {(kind, name): (scans, read) for kind, name, scans, read in rows}


async def told(pool: asyncpg.Pool, url: str, sql: str) -> list[asyncpg.Record]:
    """What the server's statistics say, up to date: each connection of the pool has reported."""
    held = [await pool.acquire() for _ in range(pool.get_size())]
    for connection in held:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    for connection in held:
        await pool.release(connection)
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(sql)
    await connection.close()
    return rows
