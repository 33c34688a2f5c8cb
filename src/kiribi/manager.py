"""`Kiribi`, the manager: what applications call. Any enqueuer → one manager → any performer."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast, overload

from kiribi import _actions, lifecycle
from kiribi._actions import STEP, Acted, Target
from kiribi._explain import Explanation, explained
from kiribi._intake import Intake
from kiribi._platform import Entrypoint
from kiribi.backoff import DEFAULT, RetryDelay, checked_seconds
from kiribi.errors import (
    IllegalTransition,
    InvalidInput,
    JobCancelled,
    JobFailed,
    JobNotFound,
    NotFinished,
)
from kiribi.job import FINAL, Job, JobError, JobStatus
from kiribi.lifecycle import Change
from kiribi.options import CHECKS
from kiribi.payloads import schema_of
from kiribi.performer import Performer, Performs, defaults_of, performers_in
from kiribi.ports import BindingInfo, LogLine, Queue, Retention, Store, WorkerInfo
from kiribi.search import MAX_PAGE_SIZE, PAGE_SIZE, BindingStats, Count, JobFilter, Page, Pulse

if TYPE_CHECKING:
    from kiribi._attempt import Running
    from kiribi._here import Here

P = TypeVar("P")
R = TypeVar("R")
Filter = JobFilter | Mapping[str, Any]

LOOK_SECONDS = 1.0
"""The longest a wait for an outcome trusts the doorbell."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Meta:
    """What hooks learn about the attempt. Times are UTC."""

    id: str
    started_at: datetime
    finished_at: datetime
    attempts: int
    is_final: bool
    params: Mapping[str, Any]


class Kiribi(Entrypoint):
    """The manager. Subclass it (by custom as `Default`) for hooks, defaults and `lifespan`.

    Attributes:
        default_max_attempts, default_timeout, default_retry_delay: stand behind the
            performers' own.
        retention: seconds that ended jobs are kept, by status.
        app: the value of `lifespan`, in processes that perform.
        performers: the performers at hand, by binding.
        source: the application in a form that another process can load.
    """

    default_max_attempts: ClassVar[int] = 3
    default_timeout: ClassVar[float | None] = None
    default_retry_delay: ClassVar[RetryDelay] = DEFAULT
    retention: ClassVar[Mapping[JobStatus, float]] = {
        JobStatus.COMPLETED: 7 * DAY,
        JobStatus.CANCELLED: 7 * DAY,
        JobStatus.FAILED: 30 * DAY,
    }

    app: Any = None
    performers: Mapping[str, type[Performer]]
    store: Store
    queue: Queue
    source: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("max_attempts", "timeout", "retry_delay"):
            value = getattr(cls, f"default_{name}")
            if value is not None:
                CHECKS[name](f"{cls.__name__}.default_{name}", value)
        for status, seconds in cls.retention.items():
            checked_seconds(f"{cls.__name__}.retention[{status}]", seconds, most=100 * 365 * DAY)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, database: str | None = None, *, performers: Iterable[type[Performer]] | None = None
    ) -> AsyncGenerator[Self]:
        """A manager on a database; an async context manager.

        Args:
            database: `sqlite:///jobs.db`; by default KIRIBI_DATABASE_URL, then that.
            performers: the classes at hand; by default those of the module of this class.

        Raises:
            InvalidDatabaseURL, StoreUnavailable, SchemaMismatch: the store cannot be used.
        """
        from kiribi.stores import open_store

        url = database or os.environ.get("KIRIBI_DATABASE_URL") or "sqlite:///kiribi.db"
        store, queue = await open_store(url)
        kiribi = cls(None, os.environ)
        kiribi.bind(store, queue, performers)
        try:
            yield kiribi
        finally:
            await kiribi.close()

    def bind(
        self, store: Store, queue: Queue, performers: Iterable[type[Performer]] | None = None
    ) -> None:
        """Put the manager on an open store: what `connect` and the runtimes do."""
        self.store, self.queue = store, queue
        module = None if type(self) is Kiribi else sys.modules.get(type(self).__module__)
        if performers is not None:
            self.performers = {performer.binding: performer for performer in performers}
        else:
            self.performers = performers_in(module) if module else {}
        self.source = _source(type(self), self.performers)
        self.running: dict[str, Running] = {}
        self._lifespan: AbstractAsyncContextManager[Any] | None = None
        self._here: Here | None = None
        self._intake = Intake(store, self.performers)

    async def close(self) -> None:
        """End work begun here by `perform`, leave `lifespan`, close the store."""
        try:
            if self._here is not None:
                await self._here.close()
            if self._lifespan is not None:
                await self._lifespan.__aexit__(None, None, None)
        finally:
            await self.queue.close()
            await self.store.close()

    # What applications may override

    def lifespan(self) -> AbstractAsyncContextManager[Any]:
        """Pools and clients for the performers: entered once per performing process."""
        return nullcontext()

    def on_success(self, binding: str, payload: Any, result: Any, meta: Meta) -> Any:
        """Called after a COMPLETED outcome was stored, at most once; may be `async`."""

    def on_failure(self, binding: str, payload: Any, error: BaseException, meta: Meta) -> Any:
        """Called after a failed attempt was stored, at most once; may be `async`."""

    def redact(self, binding: str, payload: Any) -> Any:  # noqa: ARG002
        """What REST and the dashboard show of a payload: JSON. Called for each one shown.

        Search by payload still sees the whole. Where it raises, nothing of the payload is shown.
        """
        return payload

    # Asking

    @overload
    async def enqueue(self, binding: type[Performs[P, Any]], payload: P, **options: Any) -> Job: ...
    @overload
    async def enqueue(self, binding: str, payload: Any = None, **options: Any) -> Job: ...
    async def enqueue(self, binding: Any, payload: Any = None, **options: Any) -> Job:
        """Accept a job: it is durably stored on return.

        Args:
            binding: a performer class or its binding.
            payload: JSON, or what the performer's annotation takes.
            options: see `EnqueueOptions`.

        Raises:
            InvalidInput: an option, the payload or the binding is wrong; nothing was stored.
            IdConflict: the `id` exists with other content.
        """
        return (await self.enqueue_many([(binding, payload, options)]))[0]

    async def enqueue_many(
        self,
        jobs: Iterable[
            tuple[str | type[Performer], Any] | tuple[str | type[Performer], Any, Mapping[str, Any]]
        ],
    ) -> list[Job]:
        """Accept many jobs, `(binding, payload)` or `(binding, payload, options)`, in order.

        One round trip per thousand; a thousand is stored as a whole or not at all.

        Raises:
            InvalidInput: one of them is wrong; nothing at all was stored.
            IdConflict: an `id` exists with other content; its thousand was not stored.
        """
        new = await self._intake.checked(jobs)
        stored: list[Job] = []
        for start in range(0, len(new), STEP):
            stored += await self.store.insert(new[start : start + STEP])
            self.queue.ring()
        return stored

    @overload
    async def perform(
        self, binding: type[Performs[P, R]], payload: P, *, wait: float = 30, **options: Any
    ) -> R: ...
    @overload
    async def perform(
        self, binding: str, payload: Any = None, *, wait: float = 30, **options: Any
    ) -> Any: ...
    async def perform(
        self, binding: Any, payload: Any = None, *, wait: float = 30, **options: Any
    ) -> Any:
        """Run a job now, recorded like any other, and return what it returns.

        It runs here if the performer is at hand, else on the next free worker; one attempt
        unless `max_attempts` is given.

        Raises:
            NotFinished: it has not ended within `wait` seconds; it lives on.
            JobFailed, JobCancelled: how it ended elsewhere; here, the performer's own error.
        """
        checked_seconds("wait", wait)
        job = await self.enqueue(binding, payload, **{"max_attempts": 1, **options})
        until = time.monotonic() + wait
        if job.binding in self.performers:
            if self._here is None:
                from kiribi._here import Here

                self._here = await Here.start(self)
            error = await self._here.perform(job, wait)
            if error is not None:
                raise error
        return await self._outcome(job.id, max(0.0, until - time.monotonic()))

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

    # Looking

    async def find(self, id: str) -> Job | None:
        """The job, whole; None if there is none of this id."""
        found = await self.store.find([id])
        return found[0] if found else None

    async def find_many(
        self, filter: Filter | None = None, *, before: str | None = None, limit: int = PAGE_SIZE
    ) -> Page:
        """A page of jobs, newest first; `before` is the last page's `next`.

        A search reads a bounded window of rows: `Page` says how far it looked.

        Raises:
            InvalidInput: the filter or the limit (1 to 1,000) is wrong.
        """
        if isinstance(limit, bool) or not 1 <= limit <= MAX_PAGE_SIZE:
            raise InvalidInput("limit", limit, f"give a whole number from 1 to {MAX_PAGE_SIZE:,}")
        return await self.store.search(JobFilter.parse(filter), before=before, limit=limit)

    async def count(self, filter: Filter | None = None) -> Count:
        """How many jobs match: exact to 10,000.

        Raises:
            InvalidInput: the filter is wrong.
        """
        return await self.store.count(JobFilter.parse(filter))

    async def logs(
        self, id: str, *, after: int = 0, limit: int = STEP
    ) -> list[tuple[int, LogLine]]:
        """A job's log, oldest first, as (sequence number, line), those after `after`."""
        return await self.store.logs(id, after=after, limit=limit)

    async def explain(self, id: str) -> Explanation:
        """Why a job is where it is, and what it waits for.

        Raises:
            JobNotFound: no such job.
        """
        job = await self._existing(id)
        return explained(
            job,
            now_ms=await self.store.now_ms(),
            bindings=await self.store.bindings(),
            workers=await self.store.workers(),
        )

    async def pulse(self) -> Pulse:
        """Counts by binding and status, what is stuck, and a cursor that moves with changes."""
        return await self.store.pulse()

    async def stats(
        self,
        *,
        hours: float = 24,
        bucket: float | None = None,
        bindings: Sequence[str] = (),
    ) -> list[BindingStats]:
        """What became of jobs in the last `hours`, by binding.

        Args:
            bucket: seconds: 60, 3,600 or 86,400 for a series; None for one total.

        Raises:
            InvalidInput: another bucket, or hours out of range.
        """
        checked_seconds("hours", hours, most=24 * 3_660, above=True)
        if bucket not in (None, 60, 3_600, 86_400):
            raise InvalidInput("bucket", bucket, "give 60, 3600 or 86400 seconds, or None")
        since = await self.store.now_ms() - round(hours * 3_600_000)
        bucket_ms = None if bucket is None else int(bucket * 1000)
        return await self.store.stats(since_ms=since, bucket_ms=bucket_ms, bindings=bindings)

    async def bindings(self) -> list[BindingInfo]:
        """Every binding the store knows."""
        return await self.store.bindings()

    async def workers(self) -> list[WorkerInfo]:
        """Every worker the store knows."""
        return await self.store.workers()

    # Acting

    @overload
    async def cancel(self, target: str) -> Job: ...
    @overload
    async def cancel(self, target: Sequence[str] | Filter) -> Acted: ...
    async def cancel(self, target: Target) -> Job | Acted:
        """Cancel one job (an id) or many (ids or a filter); a running one is asked to stop.

        Raises:
            JobNotFound, IllegalTransition: one job, and it cannot be.
        """
        return await self._act(target, lifecycle.cancel)

    @overload
    async def retry(self, target: str) -> Job: ...
    @overload
    async def retry(self, target: Sequence[str] | Filter) -> Acted: ...
    async def retry(self, target: Target) -> Job | Acted:
        """Run ended jobs again, one or many: counts from zero, the history stays.

        Raises:
            JobNotFound, IllegalTransition: one job, and it cannot be.
        """
        return await self._act(target, lifecycle.retry)

    @overload
    async def run_now(self, target: str) -> Job: ...
    @overload
    async def run_now(self, target: Sequence[str] | Filter) -> Acted: ...
    async def run_now(self, target: Target) -> Job | Acted:
        """Make waiting jobs due at once, one or many.

        Raises:
            JobNotFound, IllegalTransition: one job, and it cannot be.
        """
        return await self._act(target, lifecycle.run_now)

    async def delete(self, target: Target) -> Acted:
        """Remove jobs with all that belongs to them; those PROCESSING are skipped.

        Raises:
            JobNotFound, IllegalTransition: one job, and it cannot be.
        """
        return await _actions.delete(self.store, target)

    async def sweep(
        self,
        older_than: float | datetime = 7 * DAY,
        statuses: Sequence[JobStatus | str] = (JobStatus.COMPLETED, JobStatus.CANCELLED),
        *,
        dry_run: bool = False,
    ) -> int:
        """Remove jobs created over `older_than` seconds ago (or before a time); how many.

        PROCESSING jobs are skipped. `dry_run` only counts.

        Raises:
            InvalidInput: a status, or the age, is wrong.
        """
        total = 0
        async for number in self.sweep_steps(older_than, statuses, dry_run=dry_run):
            total += number
        return total

    async def sweep_steps(
        self,
        older_than: float | datetime = 7 * DAY,
        statuses: Sequence[JobStatus | str] = (JobStatus.COMPLETED, JobStatus.CANCELLED),
        *,
        dry_run: bool = False,
    ) -> AsyncIterator[int]:
        """`sweep` in steps, for a progress bar: the number removed by each."""
        if isinstance(older_than, datetime):
            if older_than.tzinfo is None:
                raise InvalidInput("older_than", older_than, "give a datetime with a time zone")
            cutoff = int(older_than.timestamp() * 1000)
        else:
            age = checked_seconds("older_than", older_than, most=100 * 365 * DAY)
            cutoff = await self.store.now_ms() - round(age * 1000)
        filter = JobFilter.parse({"status": list(statuses), "created_before": cutoff})
        async for ids in _actions.matching(self.store, filter):
            yield len(ids) if dry_run else len(await self.store.delete(ids))

    async def find_dead_jobs(self) -> list[Job]:
        """Jobs that are PROCESSING on a worker whose lease has lapsed."""
        dead = [w for w in await self.store.workers() if w.dead_reason or w.lease_ms <= 0]
        return [job for worker in dead for job in await self.store.held_by(worker.id)]

    async def recover(self, id: str | None = None) -> list[Job]:
        """Rescue what lapsed workers held, now, and ring for what is due; the rescued jobs.

        Raises:
            JobNotFound: no job of this id.
            IllegalTransition: the job has ended, or its worker lives.
        """
        from kiribi._rescue import rescue

        if id is not None:
            job = await self._existing(id)
            dead = {dead.id for dead in await self.find_dead_jobs()}
            if job.status in FINAL or (job.status is JobStatus.PROCESSING and id not in dead):
                why = "only jobs that wait, or whose worker is lost, can be recovered"
                raise IllegalTransition(id, "recover", job.status, why)
        rescued = await rescue(self.store)
        self.queue.ring()
        return rescued

    async def pause(self, binding: str | type[Performer]) -> None:
        """Claim no more jobs of a binding, on any worker, until `resume`.

        Raises:
            UnknownBinding: the store has never heard of it.
        """
        await self._pause(binding, True)

    async def resume(self, binding: str | type[Performer]) -> None:
        """Claim a paused binding's jobs again.

        Raises:
            UnknownBinding: the store has never heard of it.
        """
        await self._pause(binding, False)

    # For runtimes

    async def start(self) -> None:
        """Enter `lifespan`, once."""
        if self._lifespan is None:
            self._lifespan = self.lifespan()
            self.app = await self._lifespan.__aenter__()

    async def register(self, bindings: Sequence[str]) -> None:
        """Tell the store what is served here, so that programs without the classes know."""
        await self.store.register(
            [
                BindingInfo(name, defaults_of(performer), schema_of(performer))
                for name, performer in self.performers.items()
                if name in bindings
            ]
        )

    async def tick(self) -> None:
        """Rescue, prune and roll up, a small step of each: called about every second."""
        from kiribi._rescue import rescue

        if await rescue(self.store):
            self.queue.ring()
        await self.store.prune(Retention(self.retention), STEP)
        await self.store.roll_up()

    def meta(self, job: Job, change: Change, finished_ms: int) -> Meta:
        """What the hooks are told of an attempt that ended."""
        return Meta(
            id=job.id,
            started_at=cast("datetime", job.started_at),
            finished_at=datetime.fromtimestamp(finished_ms / 1000, UTC),
            attempts=job.attempts,
            is_final=change.status in FINAL,
            params=job.options,
        )

    # Private

    async def _act(self, target: Target, event: Callable[[Job], Change]) -> Any:
        acted = await _actions.act(self.store, target, event)
        if event is lifecycle.cancel:
            for id in acted.done:
                if running := self.running.get(id):
                    running.stop("cancel")
        self.queue.ring()
        return await self._existing(target) if isinstance(target, str) else acted

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
            await self.queue.wait(mark, min(left, LOOK_SECONDS))

    async def _pause(self, binding: str | type[Performer], paused: bool) -> None:
        name = binding if isinstance(binding, str) else binding.binding
        if name not in {info.name for info in await self.store.bindings()}:
            raise self._intake.unknown(name)
        await self.store.pause(name, paused)
        self.queue.ring()


def _source(manager: type[Kiribi], performers: Mapping[str, type[Performer]]) -> str:
    """The file or module that a child process imports to have the same classes."""
    owner = manager if manager is not Kiribi else next(iter(performers.values()), manager)
    module = sys.modules.get(owner.__module__)
    file = getattr(module, "__file__", None)
    if file is None or getattr(module, "__spec__", None) is not None:
        return owner.__module__
    return str(file)
