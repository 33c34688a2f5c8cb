"""Opening databases: URLs, schemas, and what cannot be opened."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import apsw
import pytest

from kiribi.errors import InvalidDatabaseURL, SchemaMismatch, StoreUnavailable
from kiribi.job import new_id
from kiribi.ports import NewJob
from kiribi.stores import open_store
from kiribi.stores._statements import migrations


async def opened_and_closed(url: str, **options: Any) -> str:
    store, queue = await open_store(url, **options)
    await queue.close()
    await store.close()
    return store.url


def open_once(url: str, **options: Any) -> str:
    return asyncio.run(opened_and_closed(url, **options))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "jobs.db",
        "sqlite:jobs.db",
        "sqlite:/jobs.db",
        "sqlite://jobs.db",
        "sqlite://host/jobs.db",
        "sqlite:///folder/",
        "sqlite:///jobs.db?mode=ro",
        "sqlite:///jobs.db#x",
        "sqlite:///jobs\0.db",
        "SQLITE:///jobs.db",
        "mysql://user@host/db",
        "http://localhost",
    ],
)
def test_an_url_that_cannot_be_read_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(InvalidDatabaseURL) as raised:
        open_once(url)
    assert raised.value.field == "database"
    assert raised.value.value == url
    assert "sqlite:///jobs.db" in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3cret@host/db",
        "mysql://:s3cret@host/db",
        "mysql://ann:s3c:re/t@host/db",
        "postgresql://ann:s3cret@127.0.0.1:1/db",
        "postgresql://ann:s3cret@host/db?schema=No",
        "sqlite://ann:s3cret@host/db",
        "mysql:ann:s3cret@host",
        "sqlite:///ann:s3cret@host?x",
        "mysql://host/db?user=ann&password=s3cret&x=y",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises((InvalidDatabaseURL, StoreUnavailable)) as raised:
        open_once(url)
    assert "s3c" not in repr(raised.value) + str(raised.value)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(StoreUnavailable, match=r"database postgresql://127\.0\.0\.1:1/jobs: "):
        open_once("postgresql://127.0.0.1:1/jobs")


def test_a_relative_and_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_once("sqlite:///my jobs%20.db") == "sqlite:///my jobs%20.db"
    assert open_once(f"sqlite:///{tmp_path}/absolute.db") == f"sqlite:///{tmp_path}/absolute.db"
    assert {path.name for path in tmp_path.iterdir()} == {"my jobs%20.db", "absolute.db"}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_in_memory(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_once(url) == "sqlite:///:memory:"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"nowhere/jobs\.db: it cannot be opened"):
        open_once(f"sqlite:///{tmp_path}/nowhere/jobs.db")


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="it cannot be opened"):
        open_once(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 100)
    with pytest.raises(StoreUnavailable, match=r"notes\.txt: it is not a SQLite database"):
        open_once(f"sqlite:///{path}")
    assert path.read_text().startswith("These are my notes.")


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    open_once(f"sqlite:///{path}")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    async def use() -> None:
        store, queue = await open_store(f"sqlite:///{path}")
        try:
            await store.insert([NewJob(new_id(), "A", "1")])
        finally:
            await queue.close()
            await store.close()

    with pytest.raises(StoreUnavailable, match="it is damaged"):
        asyncio.run(use())


def test_a_file_that_cannot_be_written_can_be_read() -> None:
    async def use(url: str) -> None:
        store, queue = await open_store(url)
        assert (await store.pulse()).bindings == ()
        with pytest.raises(StoreUnavailable, match=r"jobs\.db: it cannot be written"):
            await store.insert([NewJob(new_id(), "A", "1")])
        await queue.close()
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        open_once(f"sqlite:///{path}")
        path.parent.chmod(0o777)
        path.chmod(0o444)
        with without_rights():
            asyncio.run(use(f"sqlite:///{path}"))


@contextmanager
def without_rights() -> Iterator[None]:
    """As nobody, where this is root, who may write everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("table", ["job (number INTEGER)", "meta (x)", "meta (key, value)"])
def test_a_database_of_something_else(tmp_path: Path, table: str) -> None:
    path = tmp_path / "other.db"
    with closed(apsw.Connection(str(path))) as connection:
        connection.execute(f"CREATE TABLE {table}")
    with pytest.raises(SchemaMismatch, match="it holds something else"):
        open_once(f"sqlite:///{path}")
    with closed(apsw.Connection(str(path))) as connection:
        tables = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    assert tables == [(f"CREATE TABLE {table}",)]


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    open_once(f"sqlite:///{path}")
    with closed(apsw.Connection(str(path))) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    for migrate in (True, False):
        with pytest.raises(SchemaMismatch, match=r"version 99, .* upgrade Kiribi"):
            open_once(f"sqlite:///{path}", migrate=migrate)


def test_a_schema_not_migrated_is_refused_unless_asked_to(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    with pytest.raises(SchemaMismatch, match="kiribi migrate"):
        open_once(url, migrate=False)
    open_once(url)
    open_once(url, migrate=False)


def test_migrating_again_changes_nothing() -> None:
    async def migrate() -> list[int]:
        store, queue = await open_store("sqlite://")
        ran = [await store.migrate(), await store.migrate()]
        await queue.close()
        await store.close()
        return ran

    assert asyncio.run(migrate()) == [0, 0]


def test_migrations_are_numbered_without_gaps_and_say_so() -> None:
    connection = apsw.Connection(":memory:")
    for number, script in enumerate(migrations("sqlite"), 1):
        connection.execute(script)
        (row,) = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'")
        assert row == (str(number),)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_the_files_of_migrations_have_these_numbers(dialect: str) -> None:
    folder = files("kiribi.stores").joinpath("sql", dialect, "migrations")
    names = sorted(file.name for file in folder.iterdir())
    # `wrangler d1 migrations apply` and `kiribi init --migrations` go by the names
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
    assert len(names) == len(migrations(dialect))


OPENING = """
import asyncio, sys
from kiribi.job import new_id
from kiribi.ports import NewJob
from kiribi.stores import open_store

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    store, queue = await open_store(sys.argv[1])
    await store.insert([NewJob(new_id(), "A", "1")])
    await queue.close()
    await store.close()

asyncio.run(main())
"""


def test_many_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert ended == [("", 0)] * 6

    async def count() -> int:
        store, queue = await open_store(url)
        pulse = await store.pulse()
        await queue.close()
        await store.close()
        return sum(sum(one.by_status.values()) for one in pulse.bindings)

    assert asyncio.run(count()) == 6


def test_a_closed_store_says_so() -> None:
    async def use() -> None:
        store, queue = await open_store("sqlite://")
        await queue.close()
        await store.close()
        await store.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.find(["x"])
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.insert([NewJob(new_id(), "A", "1")])

    asyncio.run(use())


def test_closing_finishes_what_was_accepted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"

    async def use() -> int:
        store, queue = await open_store(url)
        inserts = [
            asyncio.ensure_future(store.insert([NewJob(new_id(), "A", "1") for _ in range(150)]))
            for _ in range(20)
        ]
        await asyncio.sleep(0)
        await store.close()
        assert [len(jobs) for jobs in await asyncio.gather(*inserts)] == [150] * 20
        await queue.close()
        store, queue = await open_store(url)
        pulse = await store.pulse()
        await queue.close()
        await store.close()
        return sum(sum(one.by_status.values()) for one in pulse.bindings)

    assert asyncio.run(use()) == 3_000
    assert {path.name for path in tmp_path.iterdir()} == {"jobs.db"}, "WAL checkpointed, removed"


@contextmanager
def closed(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    try:
        yield connection
    finally:
        connection.close()
