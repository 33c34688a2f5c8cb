"""A file that is damaged: what can be read is read; what cannot is said so, and where help is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from kiribi import lifecycle
from kiribi.errors import StoreError
from kiribi.job import JobError, new_id
from kiribi.ports import NewJob, Store, WorkerInfo
from kiribi.search import JobFilter
from kiribi.stores import open_store

PAGE = 4096
FRAME = PAGE + 24
WAL_HEADER = 32
JOBS = 40
HELP = "see docs/operations.md, When something is wrong"

T = TypeVar("T")


def used(path: Path, use: Callable[[Store], Awaitable[T]]) -> T:
    """What `use` gives of the store in a file."""

    async def run() -> T:
        store, queue = await open_store(f"sqlite:///{path}")
        try:
            return await use(store)
        finally:
            await queue.close()
            await store.close()

    return asyncio.run(run())


async def fill(store: Store) -> None:
    """Jobs of every kind, with short and long payloads."""
    text = ("x" * 40, "ü" * 900, "y" * 3000)
    payloads = [json.dumps({"n": n, "text": text[n % 3]}) for n in range(JOBS)]
    await store.insert([NewJob(new_id(), "A", payload) for payload in payloads])
    await store.enlist(WorkerInfo("w", bindings=("A",)), 60_000)
    jobs = await store.claim("w", ["A"], JOBS // 2)
    boom = JobError("ValueError", "boom", "a traceback")
    await store.apply(
        [
            *(lifecycle.complete(job, {"n": 1}) for job in jobs[::2]),
            *(lifecycle.fail(job, boom, max_attempts=2, delay=9) for job in jobs[1::2]),
        ]
    )


async def everything(store: Store) -> int:
    """A look at all there is, and each kind of change."""
    page = await store.search(JobFilter(), limit=1_000)
    await store.find([job.id for job in page.jobs])
    await store.count(JobFilter(payload={"n": 3}))
    await store.pulse()
    await store.bindings()
    await store.workers()
    await store.stats(since_ms=0, bucket_ms=None, bindings=())
    await store.failures(since_ms=0, bindings=(), limit=10)
    await store.insert([NewJob(new_id(), "A", "1"), NewJob(new_id(), "B", "2")])
    await store.enlist(WorkerInfo("w2", bindings=("A", "B")), 60_000)
    claimed = await store.claim("w2", ["A", "B"], JOBS)
    await store.apply([lifecycle.complete(job, None) for job in claimed])
    await store.repair()
    await store.roll_up()
    return len(page.jobs)


def overwrite(path: Path, start: int) -> None:
    """Put ones over all from a place on, under whoever has it open."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * (size - start))


def content(path: Path) -> tuple[bytes, bytes]:
    """The file, and its WAL."""
    return path.read_bytes(), Path(f"{path}-wal").read_bytes()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.db"
    used(path, fill)
    assert not Path(f"{path}-wal").exists()
    return path


@pytest.mark.parametrize("second_half", ["zeros", "ones", "of another page"])
def test_a_torn_page(whole: Path, second_half: str) -> None:
    file = whole.read_bytes()
    pages = len(file) // PAGE
    assert pages > 40
    said: list[str] = []
    for page in range(pages):
        torn = bytearray(file)
        middle, other = page * PAGE + PAGE // 2, (page + 1) % pages * PAGE + PAGE // 2
        torn[middle : middle + PAGE // 2] = {
            "zeros": bytes(PAGE // 2),
            "ones": b"\xff" * (PAGE // 2),
            "of another page": file[other : other + PAGE // 2],
        }[second_half]
        path = whole.with_name(f"torn{page}.db")
        path.write_bytes(torn)
        try:
            used(path, everything)
        except StoreError as error:
            said.append(str(error))
    assert len(said) > pages // 10
    assert [text for text in said if HELP not in text or "damaged" not in text] == []


def test_a_page_torn_while_the_file_is_open(whole: Path) -> None:
    async def use(store: Store) -> None:
        assert (await store.pulse()).bindings
        # all but the first pages, which hold the schema: what it has not read yet is damaged
        overwrite(whole, 8 * PAGE)
        for call in (store.search(JobFilter(), limit=1_000), everything(store)):
            with pytest.raises(StoreError, match=f"damaged.*{HELP}"):
                await call

    used(whole, use)


def test_a_header_overwritten(whole: Path) -> None:
    with whole.open("r+b") as file:
        file.write(b"not SQLite format 3")
    with pytest.raises(StoreError, match=f"whole.db: it is not a SQLite database; {HELP}"):
        used(whole, everything)


def written_ahead(folder: Path) -> tuple[bytes, bytes, list[str]]:
    """A database whose jobs are in its WAL alone, a transaction each; file, WAL, the jobs."""
    path = folder / "ahead.db"
    used(path, lambda store: store.pulse())
    jobs = [new_id() for _ in range(10)]

    async def use(store: Store) -> tuple[bytes, bytes]:
        for id in jobs:
            await store.insert([NewJob(id, "A", json.dumps(id))])
        return content(path)

    return (*used(path, use), jobs)


@pytest.mark.parametrize("how", ["cut off", "ones"])
def test_a_torn_wal_takes_back_what_is_after_the_tear_and_no_more(tmp_path: Path, how: str) -> None:
    file, wal, jobs = written_ahead(tmp_path)
    frames = (len(wal) - WAL_HEADER) // FRAME
    assert frames >= len(jobs)
    kept: list[int] = []
    for frame in range(frames):
        middle = WAL_HEADER + frame * FRAME + FRAME // 2
        torn = (
            wal[:middle] if how == "cut off" else wal[:middle] + b"\xff" * 99 + wal[middle + 99 :]
        )
        path = tmp_path / f"torn{frame}.db"
        path.write_bytes(file)
        Path(f"{path}-wal").write_bytes(torn)

        async def use(store: Store) -> list[str]:
            found = (await store.search(JobFilter(), limit=1_000)).jobs
            assert all(job.payload == job.id for job in found)
            await everything(store)
            return sorted(job.id for job in found)

        found = used(path, use)
        assert found == sorted(jobs)[: len(found)]
        kept.append(len(found))
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (0, len(jobs) - 1)


@pytest.mark.parametrize("skipped", [0, 20])
def test_a_wal_torn_while_it_is_open(tmp_path: Path, skipped: int) -> None:
    path = tmp_path / "jobs.db"

    async def use(store: Store) -> None:
        await fill(store)
        overwrite(Path(f"{path}-wal"), WAL_HEADER + skipped * FRAME)
        # another client reads what the shared memory says is in the WAL
        with pytest.raises(StoreError, match=HELP):
            await asyncio.to_thread(used, path, everything)

    used(path, use)
