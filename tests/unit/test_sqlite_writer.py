"""The writing thread: what shares a transaction, and what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from kiribi import lifecycle
from kiribi.errors import StoreUnavailable
from kiribi.job import new_id
from kiribi.ports import NewJob, Progress, WorkerInfo
from kiribi.stores import _apsw
from kiribi.stores._apsw import connect, execute
from kiribi.stores._writer import CHECKPOINT_PAGES, Writer
from kiribi.stores.sqlite import SqliteStore

Use = Callable[[SqliteStore, apsw.Connection], Awaitable[None]]


def with_writer(path: Path, use: Use) -> None:
    async def run() -> None:
        connection = connect(str(path / "jobs.db"))
        store = SqliteStore(str(path / "jobs.db"), connection, None)
        await store.migrate()
        try:
            await use(store, connection)
        finally:
            await store.close()

    asyncio.run(run())


def one(payload: str = "1") -> list[NewJob]:
    return [NewJob(new_id(), "A", payload)]


def test_a_full_disk_is_told_and_survived(tmp_path: Path) -> None:
    async def use(store: SqliteStore, connection: apsw.Connection) -> None:
        await store.insert(one())
        ((pages,),) = execute(connection, "PRAGMA page_count")
        execute(connection, f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreUnavailable, match=r"jobs\.db: the disk is full"):
            await store.insert(one(f'"{"x" * 100_000}"'))
        execute(connection, "PRAGMA max_page_count = 1000000")
        await store.insert(one(f'"{"x" * 100_000}"'))
        assert sum((await store.pulse()).bindings[0].by_status.values()) == 2

    with_writer(tmp_path, use)


def test_a_lock_that_outlasts_its_patience_is_told_and_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_apsw, "PATIENCE", 0.05)

    async def use(store: SqliteStore, _: apsw.Connection) -> None:
        other = connect(str(tmp_path / "jobs.db"))
        execute(other, "BEGIN IMMEDIATE")
        inserts = [store.insert([*one(), *one()]) for _ in range(3)]
        answers = await asyncio.gather(*inserts, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
        assert "other processes have kept it locked" in str(answers[0])
        execute(other, "COMMIT")
        other.close()
        assert len(await store.insert(one())) == 1

    with_writer(tmp_path, use)


def test_a_lock_given_back_in_time_is_waited_for(tmp_path: Path) -> None:
    async def use(store: SqliteStore, _: apsw.Connection) -> None:
        other = connect(str(tmp_path / "jobs.db"))
        execute(other, "BEGIN IMMEDIATE")
        insert = asyncio.create_task(store.insert(one()))
        done, _pending = await asyncio.wait([insert], timeout=0.05)
        assert not done
        execute(other, "COMMIT")
        assert len(await insert) == 1
        other.close()

    with_writer(tmp_path, use)


def test_who_comes_while_it_is_busy_shares_the_next_transaction(tmp_path: Path) -> None:
    async def use(store: SqliteStore, connection: apsw.Connection) -> None:
        commits: list[str] = []
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda ended: commits.append(ended["sql"]))
        other = connect(str(tmp_path / "jobs.db"))
        execute(other, "BEGIN IMMEDIATE")
        calls = [asyncio.create_task(store.pause(f"B{number}", True)) for number in range(50)]
        await asyncio.wait(calls, timeout=0.05)
        execute(other, "COMMIT")
        other.close()
        await asyncio.gather(*calls)
        assert commits.count("COMMIT") <= 2
        assert len((await store.pulse()).paused) == 50

    with_writer(tmp_path, use)


def test_a_caller_that_gives_up_disturbs_nobody(tmp_path: Path) -> None:
    async def use(store: SqliteStore, _: apsw.Connection) -> None:
        calls = [asyncio.create_task(store.pause(f"B{number}", True)) for number in range(20)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert {f"B{number}" for number in range(1, 20, 2)} <= set((await store.pulse()).paused)

    with_writer(tmp_path, use)


def test_what_is_answered_is_in_the_file(tmp_path: Path) -> None:
    async def use(store: SqliteStore, connection: apsw.Connection) -> None:
        assert execute(connection, "PRAGMA journal_mode") == [("wal",)]
        assert execute(connection, "PRAGMA synchronous") == [(2,)]
        assert execute(connection, "PRAGMA fullfsync") == [(1,)]
        assert execute(connection, "PRAGMA foreign_keys") == [(1,)]
        (job,) = await store.insert(one())
        other = connect(str(tmp_path / "jobs.db"), read_only=True)
        assert execute(other, "SELECT id FROM job") == [(job.id,)]
        with pytest.raises(apsw.ReadOnlyError):
            execute(other, "DELETE FROM job")
        other.close()

    with_writer(tmp_path, use)


@pytest.fixture
def synced() -> Iterator[list[str]]:
    """Every file that SQLite syncs, in order."""
    base = apsw.vfs_names()[0]
    files: list[str] = []

    class File(apsw.VFSFile):
        def __init__(self, name: Any, flags: list[int]) -> None:
            self.name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
            super().__init__(base, name, flags)

        def xSync(self, flags: int) -> None:  # noqa: N802
            files.append(Path(self.name).name)
            super().xSync(flags)

    class Watched(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("watched", base, makedefault=True)

        def xOpen(self, name: Any, flags: list[int]) -> File:  # noqa: N802
            return File(name, flags)

    watched = Watched()
    yield files
    watched.unregister()


def test_what_must_survive_a_loss_of_power_is_synced(tmp_path: Path, synced: list[str]) -> None:
    async def use(store: SqliteStore, _: apsw.Connection) -> None:
        await store.enlist(WorkerInfo("w1", bindings=("A",)), 60_000)
        synced.clear()
        (new,) = await store.insert(one())
        assert synced == ["jobs.db-wal"], "accepted"
        synced.clear()
        (job,) = await store.claim("w1", ["A"], 1)
        await store.renew(["w1"], 60_000)
        await store.progress([Progress(job.id, 1, 0.5)])
        assert synced == [], "a claim undone is a job that is due again"
        assert await store.store_step(job, "charge", "1")
        assert synced == ["jobs.db-wal"], "a step that is not to be repeated"
        synced.clear()
        assert await store.apply([lifecycle.complete(job, None)]) == [True]
        assert synced == ["jobs.db-wal"], "an outcome"
        assert new.id == job.id

    with_writer(tmp_path, use)


def test_a_lone_caller_writes_at_once_only_where_that_is_quick(tmp_path: Path) -> None:
    """The event loop is never held by a slow disk, another process's lock or a checkpoint."""

    async def run() -> None:
        path = str(tmp_path / "jobs.db")
        writer = Writer(connect(path), path)
        await writer.submit(lambda connection: execute(connection, "CREATE TABLE t (n)"))
        insert = lambda connection: execute(connection, "INSERT INTO t VALUES (1) RETURNING n")  # noqa: E731

        writer._pace = 1.0
        assert writer.at_once(insert) is None  # slow
        writer._pace = 0.0
        assert writer.at_once(insert) == [(1,)]
        writer._pages = CHECKPOINT_PAGES
        writer._pace = 0.0
        assert writer.at_once(insert) is None  # a checkpoint is due: the thread's work
        assert await writer.submit(insert) == [(1,)]
        assert writer._pages < CHECKPOINT_PAGES

        other = connect(path)
        execute(other, "BEGIN IMMEDIATE")
        writer._pace = 0.0
        assert writer.at_once(insert) is None  # locked: no waiting on the event loop
        execute(other, "COMMIT")
        writer._pace = 0.0
        with pytest.raises(apsw.SQLError):
            writer.at_once(lambda connection: execute(connection, "INSERT INTO nowhere VALUES (1)"))
        writer._pace = 0.0
        assert writer.at_once(insert) == [(1,)]
        assert execute(other, "SELECT count(*) FROM t") == [(3,)]
        other.close()
        await asyncio.to_thread(writer.close)
        assert writer.at_once(insert) is None

    asyncio.run(run())
