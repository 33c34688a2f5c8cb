"""A real server on a free port, with a real SQLite file and a worker when a test wants one."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
from pydantic import BaseModel

from kiribi import Job, Kiribi, Performer
from kiribi.runtimes.worker import Worker
from kiribi.web.server import serve

SECONDS = 10.0
"""The deadline of everything that is waited for."""


class Echo(Performer):
    """Returns what it was given."""

    max_attempts = 1

    async def perform(self, payload: Any) -> Any:
        self.log("hello")
        self.log("again", level="warning")
        return payload


class Fail(Performer):
    """Fails, saying what it was told."""

    max_attempts = 1

    async def perform(self, payload: dict[str, Any]) -> None:
        raise ConnectionError(payload["why"])


class Hold(Performer):
    """Runs until it is cancelled."""

    async def perform(self, payload: Any) -> None:
        self.progress(0.5, "half")
        await asyncio.Event().wait()


class Mail(BaseModel):
    to: str
    tries: int = 1


class SendMail(Performer):
    """Has a typed payload."""

    timeout = 30
    priority = 2

    async def perform(self, payload: Mail) -> str:
        return payload.to


class Manager(Kiribi):
    """Hides passwords."""

    def redact(self, binding: str, payload: Any) -> Any:
        if payload == "break":
            raise ValueError("redact broke")
        if isinstance(payload, dict) and "password" in payload:
            return {**payload, "password": "***"}
        return payload


PERFORMERS = (Echo, Fail, Hold, SendMail)


class Served:
    """A running server. `client` asks it; `kiribi` is its manager, used through `run`."""

    def __init__(self, database: Path, **options: Any) -> None:
        self._database = database
        self._options = options
        self._ready: queue.Queue[str | Exception] = queue.Queue()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        url = self._ready.get(timeout=SECONDS)
        if isinstance(url, Exception):
            self._thread.join(SECONDS)
            raise url
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.stop()

    def stop(self) -> None:
        """End the server, gracefully."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "the server did not stop"
        if not self._ready.empty():
            error = self._ready.get()
            assert isinstance(error, Exception)
            raise error  # it failed after it had started

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    @contextlib.contextmanager
    def worker(self) -> Iterator[Worker]:
        """A worker that performs meanwhile."""
        worker = self.run(self._start_worker())
        try:
            yield worker
        finally:
            self.run(worker.stop(grace=0))

    async def _start_worker(self) -> Worker:
        return await Worker(self.kiribi).__aenter__()

    def job(self, binding: str = "ECHO", payload: Any = None, **options: Any) -> Job:
        """A job, enqueued."""
        return self.run(self.kiribi.enqueue(binding, payload, **options))

    def ended(self, binding: str = "ECHO", payload: Any = None) -> Job:
        """A job that has been performed."""
        job = self.job(binding, payload)
        with self.worker():
            return self.until(job.id, lambda job: job.status.is_final)

    def until(self, id: str, holds: Any) -> Job:
        """The job, once `holds` is true of it."""
        return self.run(self._until(id, holds))

    async def _until(self, id: str, holds: Any) -> Job:
        while True:
            mark = self.kiribi.queue.mark()
            job = await self.kiribi.find(id)
            assert job is not None
            if holds(job):
                return job
            await self.kiribi.queue.wait(mark, 1.0)

    def snapshot(self) -> Any:
        """All that a request could have changed."""
        return self.run(self._snapshot())

    async def _snapshot(self) -> Any:
        kiribi = self.kiribi
        page = await kiribi.find_many(limit=1000)
        jobs = await kiribi.store.find([job.id for job in page.jobs])
        cursor = (await kiribi.pulse()).cursor
        return cursor, tuple(jobs), tuple(await kiribi.bindings())

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            async with Manager.connect(
                f"sqlite:///{self._database}", performers=PERFORMERS
            ) as self.kiribi:
                await serve(self.kiribi, stop=self._stop, announce=self._ready.put, **self._options)
        except Exception as error:
            self._ready.put(error)
