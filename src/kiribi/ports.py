"""What the manager and the runtimes ask of the outside: Protocols, no code.

Every store method is one statement or one batch, takes many jobs at once, and compares times
by the store's own clock in epoch milliseconds. `tests/conformance` says what each must do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from kiribi._scheduled import DueSchedules, ScheduleChange, ScheduleInfo
from kiribi.action import ActionStore
from kiribi.job import FINAL, WAITING, Job, JobStatus
from kiribi.lifecycle import Change
from kiribi.performer import Performer
from kiribi.search import BindingStats, Count, FailureGroup, JobFilter, Page, Pulse
from kiribi.unique import KeyHeld, UniqueKey

DELETABLE = FINAL | WAITING
"""Statuses of jobs that may be deleted: all but PROCESSING."""


class NewJob(NamedTuple):  # made in half the time of a frozen dataclass, and no work for the GC
    """A job to be stored. `payload` and `options` are JSON texts.

    Attributes:
        chosen_id: the caller chose the id: never re-minted, and an equal job may exist.
        priority: None: the binding's default as the store knows it.
        delay_ms: due this long after the store's now.
        at_ms: due at this time instead, epoch milliseconds.
        after: ids of jobs to wait for: due only when they have ended.
        after_failed: what happens if one of these does not complete: cancel, run or wait.
        unique: the key it must not share.
    """

    id: str
    binding: str
    payload: str
    options: str | None = None
    chosen_id: bool = False
    priority: int | None = None
    delay_ms: int = 0
    at_ms: int | None = None
    after: tuple[str, ...] = ()
    after_failed: str = "cancel"
    unique: UniqueKey | None = None


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker as it presents itself and as the store shows it.

    Attributes:
        lease_ms: milliseconds until its lease lapses, as the store sees it when read.
        dead_reason: why it was buried; None while it lives.
    """

    id: str
    host: str = ""
    pid: int = 0
    version: str = ""
    bindings: tuple[str, ...] = ()
    slots: int = 0
    started_ms: int = 0
    lease_ms: int = 0
    dead_reason: str | None = None


@dataclass(frozen=True, slots=True)
class BindingInfo:
    """A binding as the store knows it.

    Attributes:
        defaults: the performer's options, by name, as JSON.
        schema: JSON Schema of its payload; None if untyped.
        paused: no job of it is claimed.
        last_seen_ms: when a worker last served it; None if none ever did.
        limits: what limits its jobs, by name, as JSON (see `kiribi.limits`): on the way in those
            of the performer, on the way out those in force.
        overrides: those of them that were set at run time; None: lifted.
        declared: those of the performer, whatever is in force.
        streak: failures since the last success, where a retry budget counts them.
        probe_ms: while the breaker is open, milliseconds until a job may probe; else None.
    """

    name: str
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    schema: Mapping[str, Any] | None = None
    paused: bool = False
    last_seen_ms: int | None = None
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    streak: int = 0
    probe_ms: int | None = None
    declared: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Gate:
    """What the limits of a binding, or of one key in it, allow now.

    Attributes:
        key: None: of the binding.
        concurrency: how many may run; None: any number.
        running: how many do; `holders` are some of them.
        opens_ms: when its rate lets the next one start; past if now.
    """

    key: str | None = None
    concurrency: int | None = None
    running: int = 0
    holders: tuple[str, ...] = ()
    opens_ms: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """A job and what the store knows around it, in one snapshot: what `explain` reasons from.

    Attributes:
        binding: the job's; None where nobody has named it to the store.
        workers: every worker known.
        waits_for: some of the jobs it waits for, (id, status); `waits` is how many these are.
        gate, key_gate: the limits it has to pass: of its binding, and of its key if it has one.
        streak: failures of the binding since its last success, counted if it has a retry budget.
        probe_ms: when a job may probe, while the binding's breaker is open; None: it is closed.
        unique: its unique key, if it has one.
    """

    job: Job
    now_ms: int
    binding: BindingInfo | None = None
    workers: tuple[WorkerInfo, ...] = ()
    waits_for: tuple[tuple[str, str], ...] = ()
    waits: int = 0
    gate: Gate = Gate()
    key_gate: Gate | None = None
    streak: int = 0
    probe_ms: int | None = None
    unique: KeyHeld | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a performer logged; `at_ms` epoch milliseconds, stamped where it was logged."""

    job_id: str
    attempt: int
    at_ms: int
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one attempt has come: taken only while it runs (fenced by `attempt`)."""

    job_id: str
    attempt: int
    fraction: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds that ended jobs are kept, by status."""

    seconds: Mapping[JobStatus, float]


class Within(Protocol):
    """`insert` inside the transaction of a caller: what it stores is there once that commits."""

    @property
    def blocking(self) -> bool:
        """Whether the caller's connection blocks: then `store` and `notify` never suspend."""
        ...

    async def prepare(self, jobs: Sequence[NewJob]) -> None:
        """What must not wait for the caller's commit, on the store's own connection."""
        ...

    async def store(self, steps: Sequence[Sequence[NewJob]]) -> list[Job]:
        """As `Store.insert`, some at a time. All or none; the transaction goes on either way."""
        ...

    async def notify(self, bindings: Collection[str]) -> None:
        """Have the database ring for due jobs of `bindings` as it commits."""
        ...

    def after_commit(self, ring: Callable[[], None]) -> None:
        """Have `ring` called after the commit, if whoever commits tells of it."""
        ...


class Store(ActionStore, Protocol):
    """Where jobs live: the truth."""

    @property
    def url(self) -> str:
        """The database URL, without secrets: what errors and `version` may show."""
        ...

    @property
    def max_payload_bytes(self) -> int:
        """The largest payload taken, in bytes of JSON (UTF-8)."""
        ...

    async def migrate(self) -> int:
        """Bring the schema to this version; how many migrations ran.

        Raises:
            SchemaMismatch: the schema is newer than this code.
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted and let go of the database."""
        ...

    async def now_ms(self) -> int:
        """The store's clock, epoch milliseconds."""
        ...

    # Jobs

    async def insert(self, jobs: Sequence[NewJob]) -> list[Job]:
        """Store `jobs`, durable on return, in order. All or none.

        An id that exists gives the existing job with `duplicate=True`.
        A made id whose time is over a minute off the store's clock is replaced.

        Raises:
            IdConflict: an id exists with another binding, payload or other options.
            Duplicate: the unique key of a job that asked to raise is held by another.
            InvalidInput: a job waits for one that does not exist.
        """
        ...

    def within(self, transaction: object) -> Within:
        """This store inside the transaction of a caller, given by its connection or session.

        Raises:
            NotSupported: the store has no such transactions, or the driver is none it knows.
            InvalidInput: it is no connection.
        """
        ...

    async def claim(
        self,
        worker: str,
        bindings: Sequence[str],
        limit: int,
        *,
        pool: str = "",
        held: Sequence[str] = (),
        ids: Sequence[str] | None = None,
    ) -> list[Job]:
        """Take the `limit` best due jobs of `bindings` for a live `worker`, by one fenced step.

        Best is the lowest rank; jobs with a concurrency key come by turns of their keys. Taken
        jobs are PROCESSING with one more attempt. A worker that is unknown, lapsed or buried gets
        none; paused bindings give none; no limit is ever exceeded.

        Args:
            pool: names the claimer within the worker; each pool calls one claim at a time.
            held: ids the pool has claimed before and not yet settled: with the new ones
                they are what rescue looks at when the worker is lost.
            ids: take only these.
        """
        ...

    async def apply(self, changes: Sequence[Change]) -> list[bool]:
        """Carry out each change whose `(id, expected, attempts)` still holds; which did.

        Jobs that waited for one of these are let go, or cancelled, before it returns. A retried
        job waits again for those of its predecessors that are open.
        """
        ...

    def on_release(self, ring: Ring) -> None:
        """Have `ring` called for held jobs that are let go: seconds until each is due.

        Also for bindings whose limits let others start, where no doorbell hears every commit.
        """
        ...

    async def repair(self) -> int:
        """Let go of held jobs, or cancel them, where somebody died before he did it; how many."""
        ...

    async def unique_keys(self, ids: Sequence[str]) -> Mapping[str, KeyHeld]:
        """The unique keys of those of these jobs that have one."""
        ...

    async def predecessors(self, id: str) -> Mapping[str, int]:
        """How many of the jobs that job waits (or waited) for stand how: a status, or DELETED."""
        ...

    async def next_due(self, bindings: Sequence[str]) -> int | None:
        """Milliseconds until a job of `bindings` can be claimed (0: now).

        None: not within the next second, or only once a running job has ended. Paused bindings
        don't count.
        """
        ...

    async def find(self, ids: Sequence[str]) -> list[Job]:
        """The jobs of these ids that exist, whole, in the order asked."""
        ...

    async def situation(self, id: str) -> Situation | None:
        """All that decides whether this job runs; None if there is no such job."""
        ...

    async def search(
        self, filter: JobFilter, *, before: str | None = None, limit: int = 50
    ) -> Page:
        """Newest first, `before` exclusive; reads at most `search.WINDOW` rows."""
        ...

    async def count(self, filter: JobFilter) -> Count:
        """Exact to 10,000; from the counters where the filter allows."""
        ...

    async def delete(
        self, ids: Sequence[str], statuses: Collection[JobStatus] = DELETABLE
    ) -> list[str]:
        """Remove jobs of these statuses with all that belongs to them; those removed.

        Never PROCESSING ones.
        """
        ...

    async def cancel_requested(self, ids: Sequence[str]) -> list[str]:
        """Which of these running jobs are asked to stop."""
        ...

    # What performers write while they run; refused (False, not stored) once the attempt is over

    async def log(self, lines: Sequence[LogLine]) -> None:
        """Append to the jobs' logs."""
        ...

    async def logs(
        self, id: str, *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, LogLine]]:
        """A job's log lines with their sequence numbers, oldest first, those after `after`."""
        ...

    async def progress(self, reports: Sequence[Progress]) -> list[bool]:
        """Record progress; which were taken."""
        ...

    async def step(self, id: str, name: str) -> tuple[Any] | None:
        """The stored value of a `once` step, as a 1-tuple; None if not stored."""
        ...

    async def store_step(self, job: Job, name: str, value: str) -> bool:
        """Store a step's value (JSON text), once, if this attempt of the job still runs."""
        ...

    # Workers and their leases

    async def enlist(self, worker: WorkerInfo, lease_ms: int) -> None:
        """Add or update a worker with a lease from now."""
        ...

    async def renew_as(self, worker: WorkerInfo, lease_ms: int) -> bool:
        """Extend the lease of a worker and change how it presents itself, if it lives.

        False: it was buried, and may be forgotten. It must not be enlisted again.
        """
        ...

    async def renew(self, workers: Sequence[str], lease_ms: int) -> list[str]:
        """Extend the leases of those that live; which they are."""
        ...

    async def bury(self, workers: Mapping[str, str]) -> None:
        """Declare workers dead (id -> reason): they claim and renew no more."""
        ...

    async def bury_lapsed(self) -> None:
        """Declare every worker dead whose lease has lapsed, in one step with the check."""
        ...

    async def dead_workers(self) -> list[WorkerInfo]:
        """Buried workers whose jobs may still have to be rescued."""
        ...

    async def held_by(self, worker: str) -> list[Job]:
        """The PROCESSING jobs of a worker."""
        ...

    async def dismiss(self, worker: str) -> None:
        """Forget a worker that holds no job any more (refused while it holds one)."""
        ...

    async def workers(self) -> list[WorkerInfo]:
        """Every worker known, newest first."""
        ...

    # Bindings

    async def register(self, bindings: Sequence[BindingInfo]) -> None:
        """Add or update bindings as a worker serves them.

        `paused` and what `limit` set are left as they are.
        """
        ...

    async def bindings(self) -> list[BindingInfo]:
        """Every binding known, by name."""
        ...

    async def pause(self, binding: str, paused: bool) -> None:
        """Stop or resume claiming a binding's jobs."""
        ...

    # Schedules

    async def schedules(
        self, names: Sequence[str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[ScheduleInfo]:
        """Those of `names`, or all whose name is greater than `after`; by name."""
        ...

    async def due_schedules(self, limit: int) -> DueSchedules:
        """What there is to fire, by one cheap look. `limit` schedules at most.

        A schedule that was declared is due only while a live worker declares it as it is.
        """
        ...

    async def change_schedules(self, changes: Sequence[ScheduleChange]) -> list[Job] | None:
        """Carry out all the changes and store their jobs, or none: something was different.

        A schedule is as it was while definition, next tick and pause are. The jobs come in
        order.

        Raises:
            IdConflict: a job's id exists with other content.
        """
        ...

    async def declared(self, name: str) -> bool:
        """Whether a live worker declares a schedule of this name."""
        ...

    async def declare(self, worker: str, schedules: Sequence[ScheduleInfo]) -> None:
        """Note that a worker declares these for as long as it lives; add those not there."""
        ...

    async def limit(self, binding: str, limits: Mapping[str, Any] | None) -> None:
        """Set limits of a binding, JSON by name (None: lifted), over those of its performer.

        None for all of them takes back whatever was set so.
        """
        ...

    # Looking and housekeeping

    async def pulse(self) -> Pulse:
        """The counters."""
        ...

    async def stats(
        self, *, since_ms: int, bucket_ms: int | None = None, bindings: Sequence[str] = ()
    ) -> list[BindingStats]:
        """Per binding since a time; in buckets (60,000, 3,600,000 or 86,400,000 ms) or whole.

        From the start of the minute, hour or day that holds that time, as it is kept.
        """
        ...

    async def failures(
        self, *, since_ms: int, bindings: Sequence[str] = (), limit: int = 50
    ) -> list[FailureGroup]:
        """Causes of failures seen since a time, the last one first."""
        ...

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Whether to do now what all do every so many seconds; of many machines, one need.

        `name`: "tick" or "fire".
        """
        ...

    async def prune(self, retention: Retention, limit: int) -> int:
        """Read at most `limit` of the oldest rows and remove the outlived; how many.

        Causes of failures are kept as long as failed jobs.
        """
        ...

    async def roll_up(self) -> None:
        """Merge old minutes of the statistics into hours, hours into days."""
        ...


class Executor(Protocol):
    """Where a performer's code runs."""

    async def run(self, attempt: Any, performer: Performer, payload: Any) -> Any:
        """Perform; the return value, or whatever the performer raised.

        Sets `attempt.interrupt` to what ends the work, and returns only when the work has
        really ended.

        Raises:
            KiribiTimeoutError: `attempt.timeout` seconds were over.
            Crashed: the process it ran in is gone.
        """
        ...


class Ring(Protocol):
    """`Queue.ring`."""

    def __call__(self, delays: Iterable[float], bindings: Collection[str] | None = None) -> None:
        """See `Queue.ring`."""
        ...


class Queue(Protocol):
    """The doorbell: says that something may have become due, never what.

    Whom a ring does not concern need not hear it, but may.
    """

    def ring(self, delays: Iterable[float] = (0,), bindings: Collection[str] | None = None) -> None:
        """Jobs become due, each so many seconds from now; none: one ended, or something changed.

        `bindings`: of those jobs; None: of any, and some may have ended.
        """
        ...

    def mark(self) -> int:
        """Where the bell stands now; taken before looking at the store."""
        ...

    async def wait(
        self, mark: int, timeout: float, bindings: Collection[str] | None = None
    ) -> bool:
        """Wait for a ring after `mark`, from anywhere, at most `timeout` seconds; did it ring.

        `bindings`: for jobs of these that become due; none: for those that end, and whatever else
        changes; None: for all of it.
        """
        ...

    async def close(self) -> None:
        """Wake every waiter for good."""
        ...
