"""`Kiribi`, the manager: what applications call. Any enqueuer → one manager → any performer."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, Unpack, overload

from kiribi import _actions, lifecycle
from kiribi._acting import CENTURY, DAY, WEEK, Acting
from kiribi._actions import Acted, Ids, Target
from kiribi._intake import Intake, steps
from kiribi._looking import Filter
from kiribi._meta import Meta
from kiribi._source import source_of
from kiribi._within import Call, call
from kiribi.backoff import DEFAULT, RetryDelay
from kiribi.batch import Batch, with_callback
from kiribi.errors import (
    Cancel,
    IllegalTransition,
    checked_seconds,
    unknown_name,
)
from kiribi.job import FINAL, Job, JobStatus
from kiribi.lifecycle import Change
from kiribi.limits import Limits, checked_limits
from kiribi.options import CHECKS, Enqueuing, Options
from kiribi.payloads import schema_of
from kiribi.performer import DEFAULTS as OPTIONS
from kiribi.performer import Performer, Performs, by_binding, defaults_of, limits_of, performers_in
from kiribi.ports import BindingInfo, Queue, Retention, Store

if TYPE_CHECKING:
    from kiribi._attempt import Running
    from kiribi._here import AtHand
    from kiribi._schedules import Schedules

P = TypeVar("P")
Asked = tuple[str | type[Performer], Any] | tuple[str | type[Performer], Any, Mapping[str, Any]]
"""A job to enqueue: `(binding, payload)` or `(binding, payload, options)`."""


class Kiribi(Acting):
    """The manager. Subclass it (by custom as `Default`) for hooks, defaults and `lifespan`.

    Attributes:
        default_max_attempts, default_timeout, default_retry_delay, default_priority,
            default_first_delay: stand behind the
            performers' own.
        retention: seconds that ended jobs are kept, by status.
        app: the value of `lifespan`, in processes that perform.
        performers: the performers at hand, by binding.
        schedules: recurring jobs: `create`, `pause`, … (see `Schedules`).
        source: the application in a form that another process can load.
    """

    default_max_attempts: ClassVar[int] = 3
    default_timeout: ClassVar[float | None] = None
    default_retry_delay: ClassVar[RetryDelay] = DEFAULT
    default_priority: ClassVar[int | None] = None
    default_first_delay: ClassVar[float | None] = None
    retention: ClassVar[Mapping[JobStatus, float]] = {
        JobStatus.COMPLETED: WEEK,
        JobStatus.CANCELLED: WEEK,
        JobStatus.FAILED: 30 * DAY,
    }

    app: Any = None
    performers: Mapping[str, type[Performer]]
    source: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in list(vars(cls).items()):
            if name in DEFAULTS and value is not None:
                setattr(cls, name, CHECKS[DEFAULTS[name]](f"{cls.__name__}.{name}", value))
            elif name.startswith("default_") and name not in DEFAULTS:
                raise unknown_name(cls.__name__, name, DEFAULTS)
        for status, seconds in cls.retention.items():
            if status not in FINAL:
                raise unknown_name(f"{cls.__name__}.retention", status, sorted(FINAL))
            checked_seconds(f"{cls.__name__}.retention[{status}]", seconds, most=CENTURY)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, database: str | None = None, *, performers: Iterable[type[Performer]] | None = None
    ) -> AsyncGenerator[Self]:
        """A manager on a database; an async context manager.

        Args:
            database: `sqlite:///jobs.db`, `postgresql://user@host/database`; by default
                KIRIBI_DATABASE_URL, then `sqlite:///kiribi.db`.
            performers: the classes at hand; by default those of the module of this class.

        Raises:
            InvalidDatabaseURL, StoreUnavailable, SchemaMismatch: the store cannot be used.
            InvalidApplication: two performers have the same binding.
        """
        from kiribi.stores import open_store

        url = database or os.environ.get("KIRIBI_DATABASE_URL") or "sqlite:///kiribi.db"
        at_hand = cls._at_hand(performers).values()  # checked before there is a store to close
        kiribi = cls(None, os.environ)
        kiribi.bind(*await open_store(url), at_hand)
        try:
            yield kiribi
        finally:
            await kiribi.close()

    def bind(
        self,
        store: Store,
        queue: Queue,
        performers: Iterable[type[Performer]] | None = None,
        here: AtHand | None = None,
    ) -> None:
        """Put the manager on an open store: what `connect` and the runtimes do.

        `here`: runs what `perform` asks for; by default this process does.
        """
        from asyncio import Lock

        from kiribi._housekeeping import Housekeeping
        from kiribi._schedules import Schedules

        self.store, self.queue = store, queue
        store.on_release(queue.ring)
        self.performers = self._at_hand(performers)
        owners = [type(self)] if type(self) is not Kiribi else [*self.performers.values(), Kiribi]
        # With its name: the module may have several managers.
        name = f":{type(self).__name__}" if type(self) is not Kiribi else ""
        self.source = source_of(owners[0]) + name
        self.running: dict[str, Running] = {}
        self._intake = Intake(store, self.performers, self._at_enqueue)
        self.schedules: Schedules = Schedules(store, queue, self._intake, self.performers)
        self._housekeeping = Housekeeping(store, queue, roll_up_every=1)
        self._here = here
        self._started = False
        self._starting = Lock()
        self._exits = AsyncExitStack()
        self._exits.push_async_callback(store.close)
        self._exits.push_async_callback(queue.close)

    async def close(self) -> None:
        """End work begun here by `perform`, leave `lifespan`, close the store."""
        await self._exits.aclose()

    # What applications may override

    def lifespan(self) -> AbstractAsyncContextManager[Any]:
        """Pools and clients for the performers: entered once per performing process."""
        return nullcontext()

    def on_success(self, binding: str, payload: Any, result: Any, meta: Meta) -> Any:
        """Called after a COMPLETED outcome was stored, at most once; may be `async`."""

    def on_failure(self, binding: str, payload: Any, error: BaseException, meta: Meta) -> Any:
        """Called after a failed attempt was stored, at most once; may be `async`."""

    def on_schedule(self, cron: str) -> Any:
        """Called on Workers for each of its cron triggers, after the tick; may be `async`."""

    def on_request(self, request: Any) -> Any:
        """Called on Workers for each HTTP request, before REST; may be `async`.

        What it returns is the answer; None leaves the request to REST.
        """

    def redact(self, binding: str, payload: Any) -> Any:  # noqa: ARG002
        """What REST and the dashboard show of a payload: JSON. Called for each one shown.

        Search by payload still sees the whole. Where it raises, nothing of the payload is shown.
        """
        return payload

    # Asking

    @overload
    async def enqueue(
        self, binding: type[Performs[P]], payload: P, **options: Unpack[Enqueuing]
    ) -> Job: ...
    @overload
    async def enqueue(
        self, binding: str, payload: Any = None, **options: Unpack[Enqueuing]
    ) -> Job: ...
    async def enqueue(
        self,
        binding: Any,
        payload: Any = None,
        *,
        transaction: Any = None,
        notify: bool = False,
        **options: Any,
    ) -> Job:
        """Accept a job: it is durably stored on return.

        Args:
            binding: a performer class or its binding.
            payload: JSON, or what the performer's annotation takes. Tuples become lists; keys
                that are no text, NaN and more than 100 levels are refused, not changed.
            transaction: on PostgreSQL, a connection of asyncpg or psycopg, or an AsyncSession or
                AsyncConnection of SQLAlchemy: the job is stored in its transaction, and exists
                once that commits.
            notify: have the database ring as that transaction commits.
            options: see `EnqueueOptions`.

        Raises:
            InvalidInput: an option, the payload or the binding is wrong; nothing was stored.
            IdConflict: the `id` exists with other content.
            Duplicate: another job holds the key of a `unique` that raises.
            NotSupported: the database, or the driver, has no `transaction` for this.
        """
        if (within := self._within(transaction, notify)) is not None:
            new = await within.checked(binding, payload, options)
            return (await within.stored(new, self._ring))[0]
        (job,) = await self.store.insert([await self._intake.checked(binding, payload, options)])
        self._ring([job])
        return job

    async def enqueue_many(
        self, jobs: Iterable[Asked], *, transaction: Any = None, notify: bool = False
    ) -> list[Job]:
        """Accept many jobs, `(binding, payload)` or `(binding, payload, options)`, in order.

        One round trip per thousand (or 16 MB), each stored as a whole or not at all; in a
        `transaction` (see `enqueue`) all of them.

        Raises:
            InvalidInput: one of them is wrong; nothing at all was stored.
            IdConflict: an `id` exists with other content; its thousand was not stored.
            NotSupported: as `enqueue`.
        """
        if (within := self._within(transaction, notify)) is not None:
            return await within.stored(await within.all_checked(jobs), self._ring)
        stored: list[Job] = []
        for step in steps(await self._intake.all_checked(jobs)):
            new = await self.store.insert(step)
            self._ring(new)
            stored += new
        return stored

    async def enqueue_batch(self, jobs: Iterable[Asked], then: Asked) -> Batch:
        """Accept up to 10,000 jobs and a callback job that runs once all of them have ended.

        Args:
            jobs: as `enqueue_many` takes them.
            then: the callback, in the same form. It runs however they ended, unless its options
                say otherwise by `after_failed`.

        Raises:
            InvalidInput, IdConflict: as `enqueue_many`.
        """
        callback = (await self.enqueue_many(with_callback(jobs, then)))[-1]
        return await self.batch(callback.id)

    @overload
    async def perform(
        self,
        binding: type[Performs[P]],
        payload: P,
        *,
        wait: float = 30,
        **options: Unpack[Options],
    ) -> Any: ...
    @overload
    async def perform(
        self, binding: str, payload: Any = None, *, wait: float = 30, **options: Unpack[Options]
    ) -> Any: ...
    async def perform(
        self, binding: Any, payload: Any = None, *, wait: float = 30, **options: Any
    ) -> Any:
        """Run a job now, recorded like any other, and return the JSON value of what it returns.

        It runs here if the performer is at hand, else on the next free worker; one attempt
        unless `max_attempts` is given.

        Raises:
            InvalidInput: as `enqueue`, or `wait` is not between 0 and one year (in seconds).
            NotFinished: it has not ended within `wait` seconds; it lives on.
            JobFailed, JobCancelled: how it ended elsewhere; here, the performer's own error.
        """
        until = time.monotonic() + checked_seconds("wait", wait)
        if options.get("max_attempts") is None:
            options["max_attempts"] = 1
        job = await self.enqueue(binding, payload, **options)
        if job.binding in self.performers:
            error = await (await self._performing()).perform(job, wait)
            if isinstance(error, Exception) and not isinstance(error, Cancel):
                raise error
        return await self._outcome(job.id, max(0.0, until - time.monotonic()))

    # Acting

    @overload
    async def cancel(self, target: str) -> Job: ...
    @overload
    async def cancel(self, target: Ids | Filter) -> Acted: ...
    async def cancel(self, target: Target) -> Job | Acted:
        """Cancel one job (an id) or many (ids or a filter); a running one is asked to stop.

        Raises:
            JobNotFound, IllegalTransition: one job, and it cannot be.
        """
        return await self._act(target, lifecycle.cancel)

    @overload
    async def retry(self, target: str) -> Job: ...
    @overload
    async def retry(self, target: Ids | Filter) -> Acted: ...
    async def retry(self, target: Target) -> Job | Acted:
        """Run ended jobs again, one or many: counts from zero, the history stays.

        Raises:
            JobNotFound, IllegalTransition: one job, and it cannot be.
        """
        return await self._act(target, lifecycle.retry)

    @overload
    async def run_now(self, target: str) -> Job: ...
    @overload
    async def run_now(self, target: Ids | Filter) -> Acted: ...
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
        deleted = await _actions.delete(self.store, target)
        self.queue.ring(())  # somebody may have waited for one of them
        return deleted

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
        self.queue.ring((0,) * (len(rescued) or 1))
        return await self.store.find([job.id for job in rescued])

    async def pause(self, binding: str | type[Performer]) -> None:
        """Claim no more jobs of a binding, on any worker, until `resume`.

        Raises:
            UnknownBinding: nobody has heard of it.
        """
        await self._pause(binding, True)

    async def resume(self, binding: str | type[Performer]) -> None:
        """Claim a paused binding's jobs again.

        Raises:
            UnknownBinding: nobody has heard of it.
        """
        await self._pause(binding, False)

    async def limit(self, binding: str | type[Performer], **limits: Unpack[Limits]) -> None:
        """Set limits of a binding for all workers, now, over those of its performer.

        They hold until `reset_limits`, also when workers start anew. None lifts a limit; what is
        not named stays as it is.

        Args:
            limits: `concurrency`, `concurrency_per_key`, `rate_limit`, `rate_limit_per_key`,
                `retry_budget`, as on a `Performer`.

        Raises:
            InvalidInput: no limit is given, or one is wrong.
            UnknownBinding: nobody has heard of the binding.
        """
        await self._limit(binding, checked_limits(limits))

    async def reset_limits(self, binding: str | type[Performer]) -> None:
        """Take back what `limit` set: the performer's own limits hold again.

        Raises:
            UnknownBinding: nobody has heard of the binding.
        """
        await self._limit(binding, None)

    # For runtimes

    async def start(self) -> None:
        """Enter `lifespan`, once."""
        if self._started:
            return
        async with self._starting:
            if not self._started:
                self.app = await self._exits.enter_async_context(self.lifespan())
                self._started = True

    async def register(self, bindings: Sequence[str]) -> None:
        """Tell the store what is served here, so that programs without the classes know."""
        await self.store.register(
            [
                BindingInfo(
                    name,
                    {**self._at_enqueue, **defaults_of(performer)},
                    schema_of(performer),
                    limits=limits_of(performer),
                )
                for name, performer in self.performers.items()
                if name in bindings
            ]
        )

    async def tick(self) -> None:
        """Rescue, repair, fire, act, prune, roll up: a small step each, about every second."""
        from kiribi._recurring import fire

        await self.schedules.hold()
        fired, _ = await fire(self.store)
        await self._housekeeping.tick(Retention(self.retention), fired=fired)

    async def carry(self, seconds: float) -> bool:
        """Carry out bulk actions for about so many seconds; whether there was anything to do."""
        return await self._housekeeping.carrier.tick(budget=seconds)

    @property
    def hooked(self) -> bool:
        """Whether the application overrides a hook."""
        cls = type(self)
        return (cls.on_success, cls.on_failure) != (Kiribi.on_success, Kiribi.on_failure)

    # Private

    @property
    def _at_enqueue(self) -> Mapping[str, Any]:
        """Defaults that count when a job is stored; the others, when it runs."""
        given = {"priority": self.default_priority, "first_delay": self.default_first_delay}
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def _at_hand(
        cls, performers: Iterable[type[Performer]] | None
    ) -> Mapping[str, type[Performer]]:
        if performers is not None:
            return by_binding(performers)
        return {} if cls is Kiribi else performers_in(sys.modules[cls.__module__])

    async def _act(self, target: Target, event: Callable[[Job], Change]) -> Any:
        acted = await _actions.act(self.store, target, event)
        if event is lifecycle.cancel:
            for id in acted.done:
                if running := self.running.get(id):
                    running.stop("cancel")
        self.queue.ring(() if event is lifecycle.cancel else (0,) * len(acted.done))
        return await self._existing(target) if isinstance(target, str) else acted

    def _within(self, transaction: object, notify: bool, *, blocking: bool = False) -> Call | None:
        return call(self.store, self._intake, transaction, notify=notify, blocking=blocking)

    def _ring(self, new: Sequence[Job]) -> None:
        delays = [(job.due_ms - job.updated_ms) / 1000 for job in new]
        self.queue.ring(delays, {job.binding for job in new})

    async def _performing(self) -> AtHand:
        if self._here is not None:
            return self._here
        from kiribi._here import Here

        await self.start()
        async with self._starting:
            if self._here is None:
                self._here = await Here.start(self)
                self._exits.push_async_callback(self._here.close)
        return self._here

    async def _pause(self, binding: str | type[Performer], paused: bool) -> None:
        name = self._intake.name(binding)
        await self._intake.known(name)
        await self.store.pause(name, paused)
        self.queue.ring(() if paused else (0,), [name])

    async def _limit(
        self, binding: str | type[Performer], limits: Mapping[str, Any] | None
    ) -> None:
        name = self._intake.name(binding)
        await self._intake.known(name)
        await self.store.limit(name, limits)
        self.queue.ring((0,), [name])


DEFAULTS = {f"default_{name}": name for name in OPTIONS}
