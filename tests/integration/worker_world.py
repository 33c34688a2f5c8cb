"""An application file, a real SQLite file, and a worker in this process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from kiribi import Job, Kiribi
from kiribi.application import load
from kiribi.performer import performers_in
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store

T = TypeVar("T")
SECONDS = 20.0
"""The deadline of everything that is waited for."""


@asynccontextmanager
async def managing(folder: Path, app: str) -> AsyncGenerator[Kiribi]:
    """A manager of the application `app` (source code), on a file of its own."""
    file = folder / "app.py"
    file.write_text(app)
    application = load(str(file))
    kiribi = application.manager(None, os.environ)
    url = f"sqlite:///{folder}/jobs.db"
    kiribi.bind(*await open_store(url), performers_in(application.module).values())
    try:
        yield kiribi
    finally:
        await kiribi.close()


@asynccontextmanager
async def working(folder: Path, app: str, **options: Any) -> AsyncGenerator[Kiribi]:
    """The same with a worker, `options` being the worker's."""
    async with managing(folder, app) as kiribi, Worker(kiribi, **options):
        yield kiribi


async def ended(kiribi: Kiribi, job: Job) -> Job:
    """The job, once it has ended."""

    async def look() -> Job | None:
        found = await kiribi.find(job.id)
        return found if found and found.status.is_final else None

    return await until(look)


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := await look():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


async def appears(file: Path) -> None:
    """Wait until `file` is there."""

    async def look() -> bool:
        return file.exists()  # noqa: ASYNC240 # a local file

    await until(look)
