"""The half of the manager that changes nothing: finding, counting, explaining, waiting."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from kiribi._explain import Explanation, explained
from kiribi._listing import REACH, listing
from kiribi._platform import Entrypoint
from kiribi.action import Action
from kiribi.batch import Batch
from kiribi.errors import (
    ActionNotFound,
    InvalidInput,
    JobCancelled,
    JobFailed,
    JobNotFound,
    NotConnected,
    NotFinished,
    checked_seconds,
)
from kiribi.job import Job, JobError, JobStatus, is_id
from kiribi.options import whole
from kiribi.ports import BindingInfo, LogLine, Queue, Store, WorkerInfo
from kiribi.search import (
    MAX_PAGE_SIZE,
    PAGE_SIZE,
    BindingStats,
    Count,
    FailureGroup,
    JobFilter,
    Page,
    Pulse,
    checked_limit,
    texts,
)
from kiribi.unique import KeyHeld

Filter = JobFilter | Mapping[str, Any]

LOOK_SECONDS = 1.0
"""The longest a wait for an outcome trusts the doorbell."""
BUCKETS = (60, 3_600, 86_400)
"""Seconds of the statistics' time buckets."""
TEN_YEARS = 10 * 366 * 24
"""In hours."""
MAX_SEQ = (1 << 31) - 1
"""Of lines in a job's log."""


BOUND = {"store", "queue", "performers", "source", "running", "schedules"} | {
    *("_intake", "_here", "_started", "_starting", "_exits")
}
"""What a manager has once it is on a database."""


class Looking(Entrypoint):
    """What may be asked about jobs."""

    store: Store
    queue: Queue
    platform: WorkerInfo | None = None
    """Where a platform performs as soon as there is something to do: it counts as a worker."""

    if not TYPE_CHECKING:  # else every attribute would do

        def __getattr__(self, name: str) -> Any:
            if name in BOUND:
                raise NotConnected
            told = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(told, name=name, obj=self)

    async def find(self, id: str) -> Job | None:
        """The job, whole; None if there is none of this id."""
        if not isinstance(cast("object", id), str):
            raise InvalidInput("id", id, "give a job's id as text")
        found = await self.store.find([id]) if is_id(id) else []
        return found[0] if found else None

    async def find_many(
        self,
        filter: Filter | None = None,
        *,
        before: str | None = None,
        limit: int = PAGE_SIZE,
        sort: str | None = None,
        desc: bool = True,
        offset: int = 0,
    ) -> Page:
        """A page of jobs, newest first; `before` is the last page's `next`.

        A search reads a bounded window of rows: `Page` says how far it looked. With `sort` or
        `offset` instead of `before`, the page is one of the newest 10,000 matches.

        Args:
            sort: created_at, attempts, started_at, finished_at, completed_at or processing_time.
            desc: the greatest first.
            offset: how many to leave out.

        Raises:
            InvalidInput: the filter or another argument is wrong (`limit` is 1 to 1,000).
        """
        filter = JobFilter.parse(filter)
        checked_limit("limit", limit)
        whole(0, REACH)("offset", offset)
        if sort is None and desc and not offset:
            if before is not None and not is_id(before):
                raise InvalidInput("before", before, "give the `next` of a page")
            return await self.store.search(filter, before=before, limit=limit)
        if before is not None:
            raise InvalidInput("before", before, "give either before, or sort and offset")
        sort = "created_at" if sort is None else sort
        return await listing(self.store, filter, sort=sort, desc=desc, offset=offset, limit=limit)

    async def count(self, filter: Filter | None = None) -> Count:
        """How many jobs match: exact to 10,000.

        Raises:
            InvalidInput: the filter is wrong.
        """
        return await self.store.count(JobFilter.parse(filter))

    async def logs(
        self, id: str, *, after: int = 0, limit: int = MAX_PAGE_SIZE
    ) -> list[tuple[int, LogLine]]:
        """A job's log, oldest first, as (sequence number, line), those after `after`.

        Raises:
            InvalidInput: `after` or `limit` (1 to 1,000) is wrong.
        """
        checked_limit("limit", limit)
        whole(0, MAX_SEQ)("after", after)
        return await self.store.logs(id, after=after, limit=limit) if is_id(id) else []

    async def explain(self, id: str) -> Explanation:
        """Why a job is where it is, and what it waits for.

        Raises:
            JobNotFound: no such job.
        """
        if not isinstance(cast("object", id), str):
            raise InvalidInput("id", id, "give a job's id as text")
        situation = await self.store.situation(id) if is_id(id) else None
        if situation is None:
            raise JobNotFound(id)
        if self.platform is not None:
            situation = replace(situation, workers=(*situation.workers, self.platform))
        return explained(situation)

    async def unique_key(self, id: str) -> KeyHeld | None:
        """The unique key of a job and who holds it now; None if it has none (any more).

        Raises:
            JobNotFound: no such job.
        """
        job = await self._existing(id)
        return (await self.store.unique_keys([job.id])).get(job.id)

    async def batch(self, id: str) -> Batch:
        """How far a batch has come; or of any other job, what it waits (or waited) for.

        Raises:
            JobNotFound: no such job.
        """
        return Batch(await self._existing(id), await self.store.predecessors(id))

    async def actions(self, *, before: str | None = None, limit: int = PAGE_SIZE) -> list[Action]:
        """Bulk actions, newest first; `before` is the last one's id.

        Raises:
            InvalidInput: `before` is no id, or `limit` not 1 to 1,000.
        """
        checked_limit("limit", limit)
        if before is not None and not is_id(before):
            raise InvalidInput("before", before, "give the id of an action")
        return await self.store.actions(before=before, limit=limit)

    async def action(self, id: str) -> Action:
        """A bulk action, and how far it is.

        Raises:
            ActionNotFound: no such action.
        """
        if (found := await self.store.find_action(id)) is None:
            raise ActionNotFound(id)
        return found

    async def pulse(self) -> Pulse:
        """Counts by binding and status, what is stuck, and a cursor that moves with changes."""
        taken = await self.store.pulse()
        if self.platform is None:
            return taken
        served = self.platform.bindings
        unserved = tuple(name for name in taken.unserved if name not in served)
        return replace(taken, unserved=unserved, workers=taken.workers or 1)

    async def stats(
        self,
        *,
        hours: float = 24,
        bucket: float | None = None,
        bindings: Sequence[str] = (),
    ) -> list[BindingStats]:
        """What became of jobs in the last `hours`, by binding.

        Args:
            hours: up to ten years.
            bucket: seconds: 60, 3,600 or 86,400 for a series; None for one total.
            bindings: only these; none: all.

        Raises:
            InvalidInput: another bucket, or hours out of range.
        """
        checked_seconds("hours", hours, most=TEN_YEARS, above=True, what="hours")
        if bucket is not None and bucket not in BUCKETS:
            raise InvalidInput("bucket", bucket, "give 60, 3600 or 86400 seconds, or None")
        names = texts("bindings", bindings) if bindings else ()
        since = await self.store.now_ms() - round(hours * 3_600_000)
        bucket_ms = None if bucket is None else int(bucket * 1000)
        return await self.store.stats(since_ms=since, bucket_ms=bucket_ms, bindings=names)

    async def failures(
        self,
        *,
        hours: float | None = None,
        bindings: Sequence[str] = (),
        limit: int = PAGE_SIZE,
    ) -> list[FailureGroup]:
        """What goes wrong, by cause: the failures of one binding, error and place in one's code.

        What happened last comes first. Causes are kept as long as failed jobs, from the last time.

        Args:
            hours: only what happened in the last so many hours, up to ten years.
            bindings: only these; none: all.
            limit: how many, 1 to 1,000.

        Raises:
            InvalidInput: an argument is wrong.
        """
        checked_limit("limit", limit)
        names = texts("bindings", bindings) if bindings else ()
        since = 0
        if hours is not None:
            checked_seconds("hours", hours, most=TEN_YEARS, above=True, what="hours")
            since = await self.store.now_ms() - round(hours * 3_600_000)
        return await self.store.failures(since_ms=since, bindings=names, limit=limit)

    async def bindings(self) -> list[BindingInfo]:
        """Every binding the store knows."""
        return await self.store.bindings()

    async def workers(self) -> list[WorkerInfo]:
        """Every worker the store knows."""
        found = await self.store.workers()
        return found if self.platform is None else [*found, self.platform]

    async def result(self, id: str, timeout: float | None = None) -> Any:
        """Wait for a job's return value, `timeout` seconds at most (None: as long as it takes).

        Raises:
            JobNotFound: no such job.
            JobFailed, JobCancelled: how it ended.
            NotFinished: it has not ended yet.
        """
        if timeout is not None:
            checked_seconds("timeout", timeout)
        return await self._outcome(id, timeout)

    async def find_dead_jobs(self) -> list[Job]:
        """Jobs that are PROCESSING on a worker whose lease has lapsed."""
        dead = [w for w in await self.store.workers() if w.dead_reason or w.lease_ms <= 0]
        return [job for worker in dead for job in await self.store.held_by(worker.id)]

    async def _existing(self, id: str) -> Job:
        job = await self.find(id)
        if job is None:
            raise JobNotFound(id)
        return job

    async def _outcome(self, id: str, timeout: float | None) -> Any:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            mark = self.queue.mark()
            job = await self._existing(id)
            if job.status is JobStatus.COMPLETED:
                return job.result
            if job.status is JobStatus.CANCELLED:
                raise JobCancelled(job)
            if job.status is JobStatus.FAILED:
                raise JobFailed(job, job.error or JobError("Unknown", "no error was stored"))
            left = LOOK_SECONDS if until is None else until - time.monotonic()
            if left <= 0:
                raise NotFinished(job)
            await self.queue.wait(mark, min(left, LOOK_SECONDS), ())
