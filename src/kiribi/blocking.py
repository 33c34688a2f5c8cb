"""The blocking twin of `Kiribi`, for code without an event loop: scripts, Django, Flask.

```python
from kiribi.blocking import BlockingKiribi

kiribi = BlockingKiribi("sqlite:///jobs.db")  # may be a global: it connects at the first call
kiribi.enqueue("SEND_MAIL", {"to": "ann@example.com"})
```

Any thread may call. After a fork the child connects anew, so servers may load it before they
fork. `close` it, or use it in a `with` block, to leave the database tidy; what `enqueue` returned
is stored either way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar, Unpack, overload
from weakref import WeakSet

from kiribi._acting import SWEPT, WEEK
from kiribi._actions import Acted, Ids, Target
from kiribi._explain import Explanation
from kiribi._looking import Filter
from kiribi._scheduled import ScheduleInfo
from kiribi._session import Session
from kiribi._within import Call, finished
from kiribi.action import Action
from kiribi.batch import Batch
from kiribi.job import Job, JobStatus
from kiribi.limits import Limits
from kiribi.manager import Asked, Kiribi
from kiribi.options import Enqueuing, Options
from kiribi.performer import Performer, Performs
from kiribi.ports import BindingInfo, LogLine, NewJob, WorkerInfo
from kiribi.schedule import Schedule, When
from kiribi.search import MAX_PAGE_SIZE, PAGE_SIZE, BindingStats, Count, FailureGroup, Page, Pulse
from kiribi.unique import KeyHeld

P = TypeVar("P")
R = TypeVar("R")


class BlockingKiribi:
    """What `Kiribi` offers, each call blocking until it is done; it raises what that raises.

    Args:
        database: as in `Kiribi.connect`.
        manager: your subclass of `Kiribi`, for its performers and hooks.
        performers: as in `Kiribi.connect`.
    """

    def __init__(
        self,
        database: str | None = None,
        *,
        manager: type[Kiribi] = Kiribi,
        performers: Iterable[type[Performer]] | None = None,
    ) -> None:
        self._connect: Callable[[], AbstractAsyncContextManager[Kiribi]] = partial(
            manager.connect, database, performers=None if performers is None else tuple(performers)
        )
        self._begin()
        _twins.add(self)

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect; calls under way raise StoreUnavailable, a later call connects anew."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    # Asking

    @overload
    def enqueue(
        self, binding: type[Performs[P]], payload: P, **options: Unpack[Enqueuing]
    ) -> Job: ...
    @overload
    def enqueue(self, binding: str, payload: Any = None, **options: Unpack[Enqueuing]) -> Job: ...
    def enqueue(
        self,
        binding: Any,
        payload: Any = None,
        *,
        transaction: Any = None,
        notify: bool = False,
        **options: Any,
    ) -> Job:
        """Accept a job: it is durably stored on return. See `Kiribi.enqueue`.

        A `transaction` is a Connection of psycopg, or a Session or Connection of SQLAlchemy.
        """
        if transaction is not None:
            asked = (binding, payload, options)
            return self._within(transaction, notify, lambda call: call.checked(*asked))[0]
        return self._call(lambda kiribi: kiribi.enqueue(binding, payload, notify=notify, **options))

    def enqueue_many(
        self, jobs: Iterable[Asked], *, transaction: Any = None, notify: bool = False
    ) -> list[Job]:
        """Accept many jobs, in order. See `Kiribi.enqueue_many`."""
        if transaction is not None:
            asked = list(jobs)
            return self._within(transaction, notify, lambda call: call.all_checked(asked))
        return self._call(lambda kiribi: kiribi.enqueue_many(jobs, notify=notify))

    def ring(self) -> None:
        """Tell the workers that something is due. See `Kiribi.ring`."""
        self._call(lambda kiribi: kiribi.ring())

    def enqueue_batch(self, jobs: Iterable[Asked], then: Asked) -> Batch:
        """Accept jobs and a callback that runs after all of them. See `Kiribi.enqueue_batch`."""
        return self._call(lambda kiribi: kiribi.enqueue_batch(jobs, then))

    def start_action(self, kind: str, filter: Filter, *, who: str = "") -> Action:
        """Have something done to all jobs that match, in the background. See `Kiribi`."""
        return self._call(lambda kiribi: kiribi.start_action(kind, filter, who=who))

    def abort(self, id: str) -> Action:
        """End a bulk action between two steps. See `Kiribi.abort`."""
        return self._call(lambda kiribi: kiribi.abort(id))

    def actions(self, *, before: str | None = None, limit: int = PAGE_SIZE) -> list[Action]:
        """Bulk actions, newest first. See `Kiribi.actions`."""
        return self._call(lambda kiribi: kiribi.actions(before=before, limit=limit))

    def action(self, id: str) -> Action:
        """A bulk action, and how far it is. See `Kiribi.action`."""
        return self._call(lambda kiribi: kiribi.action(id))

    def batch(self, id: str) -> Batch:
        """How far a batch has come. See `Kiribi.batch`."""
        return self._call(lambda kiribi: kiribi.batch(id))

    @overload
    def perform(
        self,
        binding: type[Performs[P]],
        payload: P,
        *,
        wait: float = 30,
        **options: Unpack[Options],
    ) -> Any: ...
    @overload
    def perform(
        self, binding: str, payload: Any = None, *, wait: float = 30, **options: Unpack[Options]
    ) -> Any: ...
    def perform(
        self, binding: Any, payload: Any = None, *, wait: float = 30, **options: Any
    ) -> Any:
        """Run a job now and return what it returns. See `Kiribi.perform`."""
        return self._call(lambda kiribi: kiribi.perform(binding, payload, wait=wait, **options))

    def result(self, id: str, timeout: float | None = None) -> Any:
        """Wait for a job's return value, `timeout` seconds at most. See `Kiribi.result`."""
        return self._call(lambda kiribi: kiribi.result(id, timeout))

    # Looking

    def find(self, id: str) -> Job | None:
        """The job, whole; None if there is none of this id."""
        return self._call(lambda kiribi: kiribi.find(id))

    def find_many(
        self,
        filter: Filter | None = None,
        *,
        before: str | None = None,
        limit: int = PAGE_SIZE,
        sort: str | None = None,
        desc: bool = True,
        offset: int = 0,
    ) -> Page:
        """A page of jobs, newest first. See `Kiribi.find_many`."""
        return self._call(
            lambda kiribi: kiribi.find_many(
                filter, before=before, limit=limit, sort=sort, desc=desc, offset=offset
            )
        )

    def count(self, filter: Filter | None = None) -> Count:
        """How many jobs match: exact to 10,000."""
        return self._call(lambda kiribi: kiribi.count(filter))

    def logs(
        self, id: str, *, after: int = 0, limit: int = MAX_PAGE_SIZE
    ) -> list[tuple[int, LogLine]]:
        """A job's log as (sequence number, line), those after `after`. See `Kiribi.logs`."""
        return self._call(lambda kiribi: kiribi.logs(id, after=after, limit=limit))

    def explain(self, id: str) -> Explanation:
        """Why a job is where it is, and what it waits for. See `Kiribi.explain`."""
        return self._call(lambda kiribi: kiribi.explain(id))

    def unique_key(self, id: str) -> KeyHeld | None:
        """The unique key of a job and who holds it now. See `Kiribi.unique_key`."""
        return self._call(lambda kiribi: kiribi.unique_key(id))

    def pulse(self) -> Pulse:
        """Counts by binding and status, and what is stuck."""
        return self._call(lambda kiribi: kiribi.pulse())

    def stats(
        self, *, hours: float = 24, bucket: float | None = None, bindings: Sequence[str] = ()
    ) -> list[BindingStats]:
        """What became of jobs in the last `hours`, by binding. See `Kiribi.stats`."""
        return self._call(
            lambda kiribi: kiribi.stats(hours=hours, bucket=bucket, bindings=bindings)
        )

    def failures(
        self, *, hours: float | None = None, bindings: Sequence[str] = (), limit: int = PAGE_SIZE
    ) -> list[FailureGroup]:
        """What goes wrong, by cause. See `Kiribi.failures`."""
        return self._call(
            lambda kiribi: kiribi.failures(hours=hours, bindings=bindings, limit=limit)
        )

    def bindings(self) -> list[BindingInfo]:
        """Every binding the store knows."""
        return self._call(lambda kiribi: kiribi.bindings())

    def workers(self) -> list[WorkerInfo]:
        """Every worker the store knows."""
        return self._call(lambda kiribi: kiribi.workers())

    # Acting

    @overload
    def cancel(self, target: str) -> Job: ...
    @overload
    def cancel(self, target: Ids | Filter) -> Acted: ...
    def cancel(self, target: Target) -> Job | Acted:
        """Cancel one job or many; running ones are asked to stop. See `Kiribi.cancel`."""
        return self._call(lambda kiribi: kiribi.cancel(target))

    @overload
    def retry(self, target: str) -> Job: ...
    @overload
    def retry(self, target: Ids | Filter) -> Acted: ...
    def retry(self, target: Target) -> Job | Acted:
        """Run ended jobs again, one or many. See `Kiribi.retry`."""
        return self._call(lambda kiribi: kiribi.retry(target))

    @overload
    def run_now(self, target: str) -> Job: ...
    @overload
    def run_now(self, target: Ids | Filter) -> Acted: ...
    def run_now(self, target: Target) -> Job | Acted:
        """Make waiting jobs due at once, one or many. See `Kiribi.run_now`."""
        return self._call(lambda kiribi: kiribi.run_now(target))

    def delete(self, target: Target) -> Acted:
        """Remove jobs, one or many; those PROCESSING are skipped. See `Kiribi.delete`."""
        return self._call(lambda kiribi: kiribi.delete(target))

    def sweep(
        self,
        older_than: float | datetime = WEEK,
        statuses: Sequence[JobStatus | str] = SWEPT,
        *,
        dry_run: bool = False,
    ) -> int:
        """Remove jobs created over `older_than` seconds ago; how many. See `Kiribi.sweep`."""
        return self._call(lambda kiribi: kiribi.sweep(older_than, statuses, dry_run=dry_run))

    def find_dead_jobs(self) -> list[Job]:
        """Jobs that are PROCESSING on a worker whose lease has lapsed."""
        return self._call(lambda kiribi: kiribi.find_dead_jobs())

    def recover(self, id: str | None = None) -> list[Job]:
        """Rescue what lapsed workers held, now. See `Kiribi.recover`."""
        return self._call(lambda kiribi: kiribi.recover(id))

    def pause(self, binding: str | type[Performer]) -> None:
        """Claim no more jobs of a binding, on any worker, until `resume`."""
        self._call(lambda kiribi: kiribi.pause(binding))

    def limit(self, binding: str | type[Performer], **limits: Unpack[Limits]) -> None:
        """Set limits of a binding for all workers, now, over those of its performer."""
        self._call(lambda kiribi: kiribi.limit(binding, **limits))

    def reset_limits(self, binding: str | type[Performer]) -> None:
        """Take back what `limit` set: the performer's own limits hold again."""
        self._call(lambda kiribi: kiribi.reset_limits(binding))

    def resume(self, binding: str | type[Performer]) -> None:
        """Claim a paused binding's jobs again."""
        self._call(lambda kiribi: kiribi.resume(binding))

    # Recurring jobs

    @property
    def schedules(self) -> BlockingSchedules:
        """What `Kiribi.schedules` offers, blocking."""
        return BlockingSchedules(self._call)

    # Private

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._session: Session | None = None

    def _open(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = Session(self._connect)
            return self._session

    def _call(self, ask: Callable[[Kiribi], Coroutine[Any, Any, R]]) -> R:
        session = self._open()
        return session.call(ask(session.kiribi))

    def _within(
        self,
        transaction: object,
        notify: bool,
        checked: Callable[[Call], Coroutine[Any, Any, list[NewJob]]],
    ) -> list[Job]:
        session = self._open()
        kiribi: Any = session.kiribi  # its twin: what is private to one is to both
        call: Call = kiribi._within(transaction, notify, blocking=True)
        new = session.call(checked(call))
        return finished(call.stored(new, lambda jobs: session.soon(lambda: kiribi._ring(jobs))))

    def _forked(self) -> None:
        # Its thread is not in the child, and its connection is the parent's: neither close it
        # nor let it be collected, which would close it too.
        if self._session is not None:
            _abandoned.append(self._session)
        self._begin()


class BlockingSchedules:
    """What `kiribi.schedules` offers, each call blocking until it is done."""

    def __init__(self, call: Callable[[Callable[[Kiribi], Coroutine[Any, Any, Any]]], Any]) -> None:
        self._call = call

    def create(
        self, name: str, binding: str | type[Performer], schedule: Schedule | When
    ) -> ScheduleInfo:
        """Make a schedule. See `Schedules.create`."""
        return self._call(lambda kiribi: kiribi.schedules.create(name, binding, schedule))

    def find(self, name: str) -> ScheduleInfo | None:
        """The schedule of this name; None if there is none."""
        return self._call(lambda kiribi: kiribi.schedules.find(name))

    def find_many(self, *, after: str = "", limit: int = MAX_PAGE_SIZE) -> list[ScheduleInfo]:
        """Schedules by name, those after `after`."""
        return self._call(lambda kiribi: kiribi.schedules.find_many(after=after, limit=limit))

    def edit(self, name: str, schedule: Schedule | When) -> ScheduleInfo:
        """Put another schedule in its place. See `Schedules.edit`."""
        return self._call(lambda kiribi: kiribi.schedules.edit(name, schedule))

    def pause(self, name: str) -> ScheduleInfo:
        """Run no tick until `resume`. See `Schedules.pause`."""
        return self._call(lambda kiribi: kiribi.schedules.pause(name))

    def resume(self, name: str) -> ScheduleInfo:
        """Go on after `pause`, with the first tick after now."""
        return self._call(lambda kiribi: kiribi.schedules.resume(name))

    def run_now(self, name: str) -> Job:
        """Enqueue its job now. See `Schedules.run_now`."""
        return self._call(lambda kiribi: kiribi.schedules.run_now(name))

    def delete(self, name: str) -> None:
        """Remove a schedule; the jobs it made stay. See `Schedules.delete`."""
        self._call(lambda kiribi: kiribi.schedules.delete(name))

    def next(self, name: str, number: int = 5) -> list[datetime]:
        """Its next ticks, in its own time zone. See `Schedules.next`."""
        return self._call(lambda kiribi: kiribi.schedules.next(name, number))


_twins: WeakSet[BlockingKiribi] = WeakSet()
_abandoned: list[Session] = []


def _after_fork() -> None:
    for twin in list(_twins):
        twin._forked()  # pyright: ignore[reportPrivateUsage] # a function of the class, in effect


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
