"""Jobs in every state, made through the store's own transitions."""

from __future__ import annotations

import json
from typing import Any

from kiribi import Job, JobError, JobStatus, Kiribi, lifecycle, new_id
from kiribi.ports import LogLine, NewJob, Progress, WorkerInfo

WORKER = "web-1:4101"
BINDINGS = ("SEND_MAIL", "INDEX_SOURCE", "RESIZE_IMAGE")
LEASE = 3_600_000
TRACEBACK = """Traceback (most recent call last):
  File "app/mail.py", line 41, in perform
    async with smtp(self.app.host) as session:
  File "app/smtp.py", line 88, in __aenter__
    await self.connect()
ConnectionRefusedError: [Errno 111] Connect call failed ('mail.example.com', 587)
"""
REFUSED = JobError(
    "ConnectionRefusedError",
    "[Errno 111] Connect call failed ('mail.example.com', 587)",
    TRACEBACK,
)


class Seed:
    """Puts jobs into a store; `kiribi` is connected."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi
        self._store = kiribi.store

    async def worker(self, *bindings: str) -> None:
        """A worker that lives for the hour and does nothing."""
        info = WorkerInfo(WORKER, "web-1", 4101, "0.1.0", bindings or BINDINGS, 8)
        await self._store.enlist(info, LEASE)

    async def pending(self, binding: str = "SEND_MAIL", payload: Any = None, **options: Any) -> str:
        """A waiting job; its id."""
        new = NewJob(
            new_id(), binding, json.dumps(payload), json.dumps(options) if options else None
        )
        [job] = await self._store.insert([new])
        self._kiribi.queue.ring()
        return job.id

    async def processing(
        self, binding: str = "SEND_MAIL", payload: Any = None, *, fraction: float = 0.0
    ) -> str:
        """A running job that has logged a line and come so far; its id."""
        id = await self.pending(binding, payload)
        job = await self.claim(id)
        await self.log(job, "connecting to mail.example.com:587")
        if fraction:
            report = Progress(id, job.attempts, fraction, f"{fraction * 120:.0f} of 120 files")
            await self._store.progress([report])
        return id

    async def completed(
        self, binding: str = "SEND_MAIL", payload: Any = None, result: Any = None
    ) -> str:
        """A job that succeeded; its id."""
        id = await self.processing(binding, payload)
        await self._apply(lifecycle.complete(await self._job(id), result))
        return id

    async def failed(
        self,
        binding: str = "SEND_MAIL",
        payload: Any = None,
        *,
        attempts: int = 1,
        error: JobError = REFUSED,
    ) -> str:
        """A job that failed for good after so many attempts; its id."""
        id = await self.processing(binding, payload)
        for left in reversed(range(attempts)):
            change = lifecycle.fail(
                await self._job(id), error, max_attempts=attempts, delay=0, final=left == 0
            )
            await self._apply(change)
            if left:
                await self.log(await self.claim(id), "trying again", "WARNING")
        return id

    async def fail(self, id: str) -> None:
        """A running job's attempt fails; it waits for an hour."""
        change = lifecycle.fail(await self._job(id), REFUSED, max_attempts=5, delay=3600)
        await self._apply(change)

    async def retrying(self, binding: str = "SEND_MAIL", payload: Any = None) -> str:
        """A job that failed and waits for an hour; its id."""
        id = await self.processing(binding, payload)
        await self.fail(id)
        return id

    async def lost(self, binding: str = "SEND_MAIL") -> str:
        """A job that runs on a worker whose lease has lapsed; its id."""
        id = await self.pending(binding)
        await self._store.enlist(WorkerInfo("gone", bindings=(binding,), slots=1), 60_000)
        assert await self._store.claim("gone", [binding], 1, ids=[id])
        await self._store.renew(["gone"], 1)
        return id

    async def cancelled(self, binding: str = "SEND_MAIL", payload: Any = None) -> str:
        """A job cancelled before it started; its id."""
        id = await self.pending(binding, payload)
        await self._kiribi.cancel(id)
        return id

    async def some_of_each(self) -> None:
        """A handful, for looking around."""
        await self.worker()
        for n in range(4):
            await self.completed("INDEX_SOURCE", {"path": f"asyncio/{n}.py"}, {"functions": n})
        await self.failed(payload={"to": "ada@example.com", "user": {"id": 42}}, attempts=3)
        await self.failed(payload={"to": "grace@example.com", "user": {"id": 7}})
        await self.failed(
            "RESIZE_IMAGE", {"key": "a.jpg"}, error=JobError("ValueError", "not an image")
        )
        await self.retrying(payload={"to": "alan@example.com", "user": {"id": 9}})
        await self.cancelled("RESIZE_IMAGE", {"key": "b.jpg"})
        await self.processing("INDEX_SOURCE", {"path": "asyncio"}, fraction=0.4)
        await self.pending("SEND_MAIL", {"to": "edsger@example.com"}, max_attempts=5)

    async def claim(self, id: str) -> Job:
        """The job, taken by our worker."""
        await self.worker(*BINDINGS)
        [job] = await self._store.claim(WORKER, BINDINGS, 1, ids=[id])
        self._kiribi.queue.ring()
        return job

    async def log(self, job: Job, message: str, level: str = "INFO") -> None:
        """One line in its log."""
        at = await self._store.now_ms()
        await self._store.log([LogLine(job.id, job.attempts, at, level, message)])

    async def status(self, id: str) -> JobStatus | None:
        """How the job stands; None where it is gone."""
        job = await self._kiribi.find(id)
        return job and job.status

    async def _job(self, id: str) -> Job:
        [job] = await self._store.find([id])
        return job

    async def _apply(self, change: lifecycle.Change) -> None:
        [taken] = await self._store.apply([change])
        assert taken
        self._kiribi.queue.ring()
