"""A server that dies, that is full, that refuses: nothing accepted is lost, and errors say why."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar

import asyncpg
import pytest
from tests.postgres.server import Server

from kiribi import Kiribi, Outcome, Performer, lifecycle
from kiribi.errors import StoreUnavailable
from kiribi.job import JobError, id_ms, new_id
from kiribi.ports import NewJob, Store, WorkerInfo
from kiribi.runtimes.worker import Worker
from kiribi.stores import _postgres_tries, open_store
from kiribi.stores._asyncpg import transaction
from kiribi.stores.postgres import PostgresStore

SECONDS = 60.0
LEASE = 600_000
NUMBERS = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ours to kill: what it has committed it keeps, as long as the machine lives."""
    with Server(tmp_path_factory.mktemp("server"), "fsync=off", "full_page_writes=off") as server:
        yield server


@pytest.fixture
def url(server: Server, runner: asyncio.Runner) -> str:
    """Of a new database."""
    name = f"outages_{next(NUMBERS)}"
    runner.run(say(server.url, f"CREATE DATABASE {name}"))
    return server.url.removesuffix("postgres") + name


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives up soon."""
    monkeypatch.setattr(_postgres_tries, "TRYING_SECONDS", 0.3)


async def say(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Store]:
    store, queue = await open_store(url)
    try:
        async with asyncio.timeout(SECONDS):
            yield store
    finally:
        await queue.close()
        await store.close()


def new(payload: str = "1") -> NewJob:
    return NewJob(new_id(), "A", payload)


class Work(Performer):
    max_attempts = 1
    ran: ClassVar = Counter[str]()

    async def perform(self, payload: int) -> int:
        self.ran[self.job.id] += 1
        await asyncio.sleep(0.001)
        return payload


async def test_a_server_that_is_killed_loses_nothing(
    server: Server, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Four clients enqueue and two workers work, while it is killed and started again."""
    accepted: list[str] = []
    over = asyncio.Event()

    async def enqueue(number: int) -> None:
        async with Kiribi.connect(url, performers=[Work]) as kiribi:
            while not over.is_set():
                asked = [("WORK", n, {"id": new_id()}) for n in range(number)]
                while True:
                    with suppress(StoreUnavailable):
                        jobs = await kiribi.enqueue_many(asked)
                        break
                accepted.extend(job.id for job in jobs)
                await asyncio.sleep(0.005)

    async def killing() -> None:
        for _ in range(3):
            await asyncio.sleep(0.6)
            await asyncio.to_thread(server.end, signal.SIGKILL)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.start)
        await asyncio.sleep(0.3)
        over.set()

    async with (
        asyncio.timeout(SECONDS),
        Kiribi.connect(url, performers=[Work]) as one,
        Kiribi.connect(url, performers=[Work]) as other,
        Worker(one),
        Worker(other),
    ):
        async with asyncio.TaskGroup() as group:
            for number in (1, 1, 5, 30):
                group.create_task(enqueue(number))
            group.create_task(killing())
        assert len(set(accepted)) == len(accepted) > 100
        for id in accepted:
            await one.result(id)
    async with opened(url) as store:
        for start in range(0, len(accepted), 500):
            for job in await store.find(accepted[start : start + 500]):
                outcomes = Counter(attempt.outcome for attempt in job.history)
                assert outcomes[Outcome.COMPLETED] == 1, job
                assert Work.ran[job.id] >= 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_it_cannot_start_where_the_server_is_not(server: Server) -> None:
    server.end(signal.SIGINT)
    try:
        with pytest.raises(StoreUnavailable, match=r"database postgresql://\S+: .*Connect"):
            await open_store(server.url)
    finally:
        server.start()


async def test_who_stops_amid_a_transaction_keeps_no_locks(url: str) -> None:
    """A machine that is gone says nothing more: nobody must wait for it."""
    async with (
        opened(url) as store,
        opened(f"{url}?idle_in_transaction_session_timeout=200") as gone,
    ):
        await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
        await store.insert([new()])
        (job,) = await store.claim("w", ["A"], 1)
        assert isinstance(gone, PostgresStore)
        assert isinstance(store, PostgresStore)

        async def stop_amid() -> None:
            async with gone.connections.use() as connection, transaction(connection):
                await connection.execute("SELECT FROM kiribi.job FOR UPDATE")
                assert await store.apply([lifecycle.complete(job, 1)]) == [True]
                await connection.execute("SELECT 1")

        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await stop_amid()
        assert await gone.find([job.id]), "on another connection"
        async with gone.connections.use() as connection:
            asked = "SHOW idle_in_transaction_session_timeout"
            assert await connection.fetchval(asked) == "200ms"
        async with store.connections.use() as connection:
            assert await connection.fetchval(asked) == "10s"


@pytest.mark.usefixtures("impatient")
async def test_a_statement_timeout(url: str) -> None:
    async with opened(url) as store:
        await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
        await store.insert([new()])
        (job,) = await store.claim("w", ["A"], 1)
    await say(url, f"ALTER DATABASE {url.rpartition('/')[2]} SET statement_timeout = '50ms'")
    holding = await asyncpg.connect(url)
    async with opened(url) as store:
        transaction = holding.transaction()
        await transaction.start()
        await holding.execute("SELECT FROM kiribi.job WHERE id = $1 FOR UPDATE", job.id)
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            await store.apply([lifecycle.complete(job, 1)])
        (found,) = await store.find([job.id])
        assert found.history == ()
        await transaction.rollback()
        assert await store.apply([lifecycle.complete(job, 1)]) == [True]
    await holding.close()


async def test_too_many_connections(url: str) -> None:
    async with opened(url):
        pass
    role = f"few_{next(NUMBERS)}"
    await say(
        url,
        f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 2",
        f"GRANT ALL ON SCHEMA kiribi TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA kiribi TO {role}",
    )
    theirs = url.replace("postgres@", f"{role}:s3cret@")
    async with opened(theirs) as store:
        taking = await asyncpg.connect(theirs)
        with pytest.raises(StoreUnavailable, match="too many connections") as raised:
            await open_store(theirs)
        assert "s3cret" not in f"{raised.value!r} {raised.value}"
        await taking.close()
    async with opened(theirs) as store:  # two are fewer than it would like, and enough
        await asyncio.gather(*(store.now_ms() for _ in range(20)), store.insert([new()]))


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_is_read_only(url: str) -> None:
    async with opened(url) as store:
        (job,) = await store.insert([new()])
    database = url.rpartition("/")[2]
    await say(url, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    async with opened(url) as store:
        assert await store.find([job.id]) == [job]
        with pytest.raises(StoreUnavailable, match="read-only"):
            await store.insert([new()])
        with pytest.raises(StoreUnavailable, match="read-only"):
            await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
        again = url.removesuffix(database) + "postgres"
        await say(again, f"ALTER DATABASE {database} RESET default_transaction_read_only")
        await store.insert([new()])  # on another connection


@contextmanager
def small_disk(server: Server, megabytes: int) -> Iterator[Path]:
    """A folder of the server's on a disk of its own."""
    folder = Path(mkdtemp(prefix="kiribi-disk-"))
    options = f"size={megabytes}m,mode=700,uid={server.user or os.getuid()}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("who may mount no small disk cannot have a full one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def enlarged(folder: Path) -> None:
    """Give it room."""
    subprocess.run(["mount", "-o", "remount,size=128m", str(folder)], check=True)


@pytest.mark.usefixtures("impatient")
async def test_a_full_disk(server: Server) -> None:
    with small_disk(server, 32) as folder:
        await say(server.url, f"CREATE TABLESPACE small LOCATION '{folder}'")
        await say(server.url, "CREATE DATABASE small TABLESPACE small")
        url = server.url.removesuffix("postgres") + "small"
        async with opened(url) as store:
            await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
            await store.insert([new()])
            (job,) = await store.claim("w", ["A"], 1)
            accepted: list[str] = []

            async def fill() -> None:
                while True:
                    one = new(f'"{os.urandom(500_000).hex()}"')
                    await store.insert([one])
                    accepted.append(one.id)

            with pytest.raises(StoreUnavailable, match="No space left on device"):
                await fill()
            found = await store.find(accepted)
            assert [one.id for one in found] == accepted
            assert {len(one.payload) for one in found} == {1_000_000}
            await asyncio.to_thread(enlarged, folder)
            assert await store.apply([lifecycle.complete(job, "done")]) == [True]
            await store.insert([new()])
        await say(server.url, "DROP DATABASE small", "DROP TABLESPACE small")


async def test_closing_lets_calls_finish(url: str) -> None:
    store, queue = await open_store(url)
    asked = [[new() for _ in range(150)] for _ in range(20)]
    calls = [asyncio.ensure_future(store.insert(jobs)) for jobs in asked]
    calls += [asyncio.ensure_future(store.insert([new()])) for _ in range(20)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    await queue.close()
    await store.close()
    await store.close()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    refused = [one for one in ended if isinstance(one, BaseException)]
    assert all(isinstance(one, StoreUnavailable) for one in refused), refused
    stored = [job.id for one in ended if isinstance(one, list) for job in one]
    assert stored
    with pytest.raises(StoreUnavailable, match="the store is closed"):
        await store.find([])
    async with opened(url) as again:
        assert len(await again.find(stored)) == len(stored)


async def test_other_loops_use_it_too(url: str) -> None:
    """As the thread does that renews the lease of a worker without a supervisor."""
    async with opened(url) as store:
        await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
        renewed: list[list[str]] = []

        def renew() -> None:
            renewed.extend(asyncio.run(store.renew(["w"], LEASE)) for _ in range(5))

        threads = [threading.Thread(target=renew) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            await store.insert([new()])
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert renewed == [["w"]] * 15


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"postgres@": "nobody:s3cret@"}, 'role "nobody" does not exist'),
        ({"postgres@": "postgres:s3cret@", "/outages": "/nothing"}, 'database "nothing'),
        ({"postgres@": "postgres:s3cret@", "127.0.0.1": "nowhere.invalid"}, "nowhere.invalid"),
        ({"postgres@127.0.0.1": "postgres:s3cret@127.0.0.1", "?": "?"}, None),
    ],
)
async def test_what_is_wrong_with_an_url_is_said(
    url: str, changed: dict[str, str], said: str | None
) -> None:
    for old, fresh in changed.items():
        url = url.replace(old, fresh)
    if said is None:
        url, said = f"{url}?nonsense=1", "nonsense"
    with pytest.raises(StoreUnavailable) as raised:
        await open_store(url)
    assert said in str(raised.value)
    assert "s3cret" not in f"{raised.value!r} {raised.value}"
    assert "postgres" in str(raised.value)


@pytest.mark.parametrize("schema", ["other", "a" * 63])
async def test_two_schemas_of_a_database_are_two_systems(url: str, schema: str) -> None:
    async with opened(url) as one, opened(f"{url}?schema={schema}") as other:
        (job,) = await one.insert([new()])
        assert await other.find([job.id]) == []
        assert (await other.pulse()).bindings == ()


@pytest.mark.parametrize(
    "rest",
    [
        "postgres@127.0.0.1:1,127.0.0.1:{port}/{name}",
        "postgres@/{name}?host={folder}&port={port}",
        "postgres@127.0.0.1:{port}/{name}?sslmode=disable&connect_timeout=5",
        "127.0.0.1:{port}/{name}?user=postgres&target_session_attrs=read-write",
    ],
)
async def test_what_libpq_takes_leads_there(server: Server, url: str, rest: str) -> None:
    """Several hosts, the first of them dead; a socket in a folder; and so on."""
    name = url.rpartition("/")[2]
    for scheme in ("postgresql", "postgres"):
        there = rest.format(port=server.port, name=name, folder=server.folder)
        async with opened(f"{scheme}://{there}") as store:
            await store.insert([new()])


async def test_a_server_without_tls(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="SSL"):
        await open_store(f"{url}?sslmode=require")


@pytest.mark.parametrize("hours", [-48, 48])
async def test_only_the_servers_clock_counts(
    url: str, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """A machine whose clock is wrong, and is set while it works."""
    ahead = 0.0
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + ahead)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(ahead * 1e9))
    async with opened(url) as store, asyncio.timeout(SECONDS):
        await store.enlist(WorkerInfo("w", "here", 1, "1", ("A",), 9), LEASE)
        for step in (hours * 3600.0, 0.0, hours * 3600.0):
            ahead = step
            for number in (1, 150):
                jobs = await store.insert([new() for _ in range(number)])
                server = await store.now_ms()
                assert all(abs(id_ms(job.id) - server) < 60_000 for job in jobs)
                assert all(abs(job.due_ms - server) < 60_000 for job in jobs)
            claimed = await store.claim("w", ["A"], 200)
            assert len(claimed) == 151
            failed = lifecycle.fail(claimed[0], JobError("E", ""), max_attempts=3, delay=60.0)
            assert await store.apply([failed]) == [True]
            (again,) = await store.find([failed.id])
            assert abs(again.due_ms - 60_000 - await store.now_ms()) < 30_000
            assert await store.renew(["w"], LEASE) == ["w"]
            await store.bury_lapsed()
            assert await store.dead_workers() == []
