"""No hot statement reads the backlog or the past: by the server's plans, and by what it counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from tests.postgres.crowd import WORKER, crowd, looked_at
from tests.postgres.reads import Reads, reads
from tests.postgres.server import QUICK, Server

from kiribi.job import Job, JobStatus, new_id
from kiribi.lifecycle import complete, release
from kiribi.ports import NewJob, Progress, WorkerInfo
from kiribi.search import JobFilter
from kiribi.stores import open_store
from kiribi.stores._postgres_statements import prepared
from kiribi.stores.postgres import PostgresStore

LONG = 1_000_000
SIZES = (20_000, pytest.param(LONG, marks=[pytest.mark.long, pytest.mark.timeout(1_800)]))
INDEXES_ONLY = "enable_seqscan=off"
"""Where there is little, reading all of it may be the cheapest way: is there another one?"""
LARGE = """
SELECT relname FROM pg_class
WHERE relnamespace = 'kiribi'::regnamespace AND relkind = 'r' AND reltuples >= 1000
"""
NAMES = sorted(
    file.name.removesuffix(".sql")
    for file in files("kiribi.stores").joinpath("sql", "postgres").iterdir()
    if file.name.endswith(".sql")
)


@pytest.fixture(scope="module", params=SIZES)
def size(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def url(size: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A full database of a server that does nothing by itself."""
    folder: Path = tmp_path_factory.mktemp("plans")
    with Server(folder, *QUICK, "autovacuum=off") as server:
        asyncio.run(crowd(server.url, size))
        asyncio.run(looked_at(server.url))
        yield server.url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresStore]:
    """A store with a worker that serves all bindings."""
    store, queue = await open_store(url)
    assert isinstance(store, PostgresStore)
    await store.enlist(WorkerInfo(MINE, bindings=BINDINGS), 3_600_000)
    yield store
    await handed_back(store)
    await store.dismiss(MINE)
    await queue.close()
    await store.close()


async def read_by(url: str, store: PostgresStore, call: Awaitable[object]) -> Reads:
    """What it reads; of tables only those that are large."""
    connection = await asyncpg.connect(url)
    large = {row[0] for row in await connection.fetch(LARGE)}
    await connection.close()
    assert store.connections._pool is not None
    read = await reads(store.connections._pool, url, call)
    return Reads({name: rows for name, rows in read.scanned.items() if name in large}, read.entries)


@pytest.mark.parametrize("name", NAMES)
def test_no_plan_reads_a_large_table_from_end_to_end(url: str, size: int, name: str) -> None:
    with psycopg.connect(url) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
        if size < LONG:
            connection.execute(f"SET {INDEXES_ONLY}")
        asked = f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {prepared(name, 'kiribi').text}"
        (plan,) = connection.execute(asked).fetchone() or ()  # pyright: ignore
        large = {table for (table,) in connection.execute(LARGE)}
    assert large & set(scanned(plan[0]["Plan"])) == set()


def scanned(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from scanned(child)


# What is asked of a store, the most entries of all indexes that it may read, whatever there is, and
# indexes that it must use.

MINE = "mine"
BINDINGS = ("PLAIN", "OTHER", "LATER", "KEYED", "PAUSED", "LIMITED")
SOME = 100
Call = Callable[[PostgresStore, list[Job]], Awaitable[object]]


def new_jobs(**more: Any) -> list[NewJob]:
    return [NewJob(new_id(), "PLAIN", '{"n":1}', **more) for _ in range(SOME)]


async def claimed(store: PostgresStore, *bindings: str) -> list[Job]:
    jobs = await store.claim(MINE, bindings, SOME)
    assert jobs
    return jobs


async def handed_back(store: PostgresStore) -> None:
    """What a call has claimed, the next may claim, too."""
    await store.apply([release(job, "") for job in await store.held_by(MINE)])


async def searched(store: PostgresStore, **asked: Any) -> None:
    assert (await store.search(JobFilter(**asked))).jobs


ASKED: Mapping[str, tuple[Call, int, Collection[str]]] = {
    "claim": (lambda store, _: claimed(store, "PLAIN"), 1_500, ["job_open_rank", "job_open_pkey"]),
    "claim of several": (lambda store, _: claimed(store, *BINDINGS), 8_000, ["job_open_rank"]),
    "claim of keys": (
        lambda store, _: claimed(store, "KEYED"),
        8_000,
        ["job_open_key", "job_open_due", "lane_turn"],
    ),
    "claim under a limit": (lambda store, _: claimed(store, "LIMITED"), 2_000, ["job_open_rank"]),
    "claim of these": (
        lambda store, jobs: store.claim(MINE, BINDINGS, SOME, ids=[job.id for job in jobs]),
        6_000,
        ["job_open_pkey"],
    ),
    "next_due": (lambda store, _: store.next_due(BINDINGS), 1_500, ["job_open_rank", "lane_turn"]),
    "insert": (lambda store, _: store.insert(new_jobs()), 500, []),
    "insert one": (lambda store, _: store.insert(new_jobs()[:1]), 20, []),
    "insert chosen ids": (
        lambda store, _: store.insert(new_jobs(chosen_id=True)),
        5_000,
        ["job_open_pkey"],
    ),
    "find": (
        lambda store, jobs: store.find([job.id for job in jobs]),
        1_000,
        ["job_open_pkey"],
    ),
    "search": (lambda store, _: searched(store), 25_000, ["job_open_pkey"]),
    "search open": (
        lambda store, _: searched(store, bindings=("RARE",), statuses=(JobStatus.PENDING,)),
        1_000,
        ["job_open_rank"],
    ),
    "search failed": (
        lambda store, _: searched(store, bindings=("OTHER",), statuses=(JobStatus.FAILED,)),
        2_000,
        [],
    ),
    "search these": (
        lambda store, jobs: searched(store, ids=tuple(job.id for job in jobs)),
        2_000,
        ["job_open_pkey"],
    ),
    "count failed": (
        lambda store, _: store.count(JobFilter(statuses=(JobStatus.FAILED,))),
        2_000,
        [],
    ),
    "pulse": (lambda store, _: store.pulse(), 5_000, []),
    "held_by": (lambda store, _: store.held_by(WORKER), 1_000, ["job_open_pkey"]),
    "situation": (lambda store, jobs: store.situation(jobs[0].id), 1_000, ["job_open_pkey"]),
    "cancel_requested": (
        lambda store, jobs: store.cancel_requested([job.id for job in jobs]),
        1_000,
        ["job_open_pkey"],
    ),
    "progress": (
        lambda store, jobs: store.progress([Progress(job.id, 1, 0.5, "") for job in jobs]),
        1_000,
        ["job_open_pkey"],
    ),
    "delete": (
        lambda store, jobs: store.delete([job.id for job in jobs]),
        2_000,
        ["job_open_pkey"],
    ),
}


BY_COST = {"insert chosen ids", "find", "progress", "delete"}
"""To find many jobs by their ids, a small table may be read from end to end."""


@pytest.mark.parametrize("name", ASKED)
async def test_what_is_asked_often_reads_little(url: str, size: int, name: str) -> None:
    call, most, indexes = ASKED[name]
    async with opened(url) as store:
        jobs = (await store.search(JobFilter(bindings=("OTHER",)), limit=SOME)).jobs
        # from the sixth time on the server may have made a plan for all
        for _ in range(7):
            read = await read_by(url, store, call(store, list(jobs)))
            await handed_back(store)
            if size == LONG or name not in BY_COST:
                assert read.scanned == {}
                assert set(indexes) <= read.entries.keys()
            assert sum(read.entries.values()) <= most, read.entries


async def test_what_is_settled_is_found_by_its_id(url: str) -> None:
    async with opened(url) as store:
        for _ in range(7):
            jobs = await claimed(store, "PLAIN")
            read = await read_by(url, store, store.apply([complete(job, None) for job in jobs]))
            assert read.scanned == {}
            assert sum(read.entries.values()) <= 10 * SOME, read.entries


async def test_plans_that_were_made_before_the_jobs_came_read_as_little(url: str) -> None:
    """A worker may have started on an empty database, and nobody has looked at it since."""
    admin = await asyncpg.connect(url)
    await admin.execute("CREATE DATABASE early")
    await admin.close()
    early = url.removesuffix("postgres") + "early"
    async with opened(early) as store:
        for _ in range(7):
            await store.insert(new_jobs()[:1])
            jobs = [*await store.claim(MINE, ["PLAIN"], SOME)]
            jobs += await store.claim(MINE, BINDINGS, SOME)
            await store.next_due(BINDINGS)
            await store.apply([complete(job, None) for job in jobs])
        await crowd(early, 20_000)
        read = await read_by(early, store, claimed(store, "PLAIN"))
        assert read.scanned == {}
        assert sum(read.entries.values()) <= 2_000, read.entries
        read = await read_by(early, store, claimed(store, *BINDINGS))
        assert read.scanned == {}
        assert sum(read.entries.values()) <= 9_000, read.entries
        read = await read_by(early, store, store.next_due(BINDINGS))
        assert read.scanned == {}
        assert sum(read.entries.values()) <= 2_000, read.entries
        jobs = await store.held_by(MINE)
        read = await read_by(early, store, store.apply([complete(job, None) for job in jobs]))
        assert read.scanned == {}
        assert sum(read.entries.values()) <= 3_000, read.entries
