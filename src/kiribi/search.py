"""What to look for and what comes back: filters, pages, counts, statistics. Frozen data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from kiribi.distribution import Distribution
from kiribi.errors import InvalidInput, unknown_name
from kiribi.job import Job, JobStatus, epoch_ms, utc
from kiribi.options import aware, whole

WINDOW = 10_000
"""Rows a search may read before it stops and says how far it looked."""

PAGE_SIZE = 50
MAX_PAGE_SIZE = 1_000
MAX_TEXT = 1_000
"""Characters of a text searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """All that is given must hold; an empty filter matches every job.

    Attributes:
        bindings: any of these.
        statuses: any of these.
        created_after_ms, created_before_ms: epoch milliseconds, from (inclusive), to (exclusive).
        payload: path of a field (`user.id`, `items[0].sku`) to the value it must have.
        error: this text occurs in the last error's type or message, any case.
        ids: any of these (at most 1,000).
        fingerprint: the last error has this one (see `Kiribi.failures`).
        reason: FAILED for this reason, `failed` or `crashed` (see `Job.reason`).

    Raises:
        InvalidInput: naming the field.
    """

    bindings: tuple[str, ...] = ()
    statuses: tuple[JobStatus, ...] = ()
    created_after_ms: int | None = None
    created_before_ms: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: str | None = None
    ids: tuple[str, ...] = ()
    fingerprint: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        for name, (attribute, check) in CHECKS.items():
            value = getattr(self, attribute)
            if value is not None and value != ():
                object.__setattr__(self, attribute, check(f"filter.{name}", value))
        if self.reason and not self.statuses:
            object.__setattr__(self, "statuses", (JobStatus.FAILED,))

    @classmethod
    def parse(cls, given: JobFilter | Mapping[str, Any] | None) -> JobFilter:
        """A filter from `{"binding": …, "status": …, "payload": {…}, "error": …, "ids": […],
        "created_after": …, "created_before": …, "fingerprint": …, "reason": …}`; times are aware
        datetimes or epoch ms.

        Raises:
            InvalidInput: naming the field. An empty list is refused: it would match every job.
        """
        if given is None:
            return NO_FILTER
        if isinstance(given, JobFilter):
            return given
        if not isinstance(cast("object", given), Mapping):
            raise InvalidInput("filter", given, f"give a mapping with any of {', '.join(CHECKS)}")
        checked: dict[str, Any] = {}
        for name, value in given.items():
            if name not in CHECKS:
                raise unknown_name("filter", name, CHECKS)
            if value is not None:
                attribute, check = CHECKS[name]
                checked[attribute] = check(f"filter.{name}", value)
        return cls(**checked)

    def given(self) -> dict[str, Any]:
        """As `parse` takes it: JSON, without what is not asked for."""
        values = {name: getattr(self, attribute) for name, (attribute, _) in CHECKS.items()}
        return {
            name: list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value not in (None, (), {})
        }

    @property
    def counted(self) -> bool:
        """Can be answered from the counters alone: names bindings and statuses only."""
        return not (
            self.created_after_ms is not None
            or self.created_before_ms is not None
            or self.payload
            or self.error
            or self.ids
            or self.fingerprint
            or self.reason
        )


def texts(name: str, value: object) -> tuple[str, ...]:
    """One text or several.

    Raises:
        InvalidInput: anything else, none, or over 1,000 of them.
    """
    several = (value,) if isinstance(value, str) else value
    if (
        not isinstance(several, Sequence | AbstractSet)
        or not 0 < len(cast("Sequence[Any]", several)) <= MAX_PAGE_SIZE
    ):
        raise InvalidInput(name, value, f"give a text or 1 to {MAX_PAGE_SIZE:,} of them")
    found = tuple(cast("Sequence[object]", several))
    for text in found:
        if not isinstance(text, str):
            raise InvalidInput(name, text, "give texts")
    return cast("tuple[str, ...]", found)


def statuses(name: str, value: object) -> tuple[JobStatus, ...]:
    """One status or several, by name.

    Raises:
        InvalidInput: naming the statuses there are.
    """
    names = texts(name, value)
    for status in names:
        if status not in list(JobStatus):
            raise unknown_name(name, status, JobStatus)
    return tuple(JobStatus(status) for status in names)


def _time(name: str, value: object) -> int:
    if isinstance(value, datetime):
        return epoch_ms(aware(name, value))
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 48:
        return value
    raise InvalidInput(name, value, "give a datetime with a time zone, or epoch milliseconds")


def _payload(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(name, value, 'give an object of paths to values, {"user.id": 42}')
    fields = cast("Mapping[object, Any]", value)
    for path, wanted in fields.items():
        if not isinstance(path, str) or not PATH.fullmatch(path):
            raise InvalidInput(name, path, "give names joined by dots, such as user.id")
        if not _is_scalar(wanted):
            allowed = "give a text, a number that fits in 64 bits, true, false or null"
            raise InvalidInput(f"{name}.{path}", wanted, allowed)
    return cast("Mapping[str, Any]", value)


def _is_scalar(value: object) -> bool:
    match value:
        case str():
            return len(value) <= MAX_TEXT
        case bool() | None:
            return True
        case int():
            return -(1 << 63) <= value < 1 << 63
        case float():
            return math.isfinite(value)
        case _:
            return False


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise InvalidInput(name, value, f"give a text of 1 to {MAX_TEXT:,} characters")
    return value


def _fingerprint(name: str, value: object) -> str:
    if not isinstance(value, str) or not FINGERPRINT.fullmatch(value):
        raise InvalidInput(name, value, "give the 16 digits that `failures` shows")
    return value


def _reason(name: str, value: object) -> str:
    if value not in REASONS:
        raise InvalidInput(name, value, "give failed or crashed")
    return cast("str", value)


FINGERPRINT = re.compile("[0-9a-f]{16}")
REASONS = ("failed", "crashed")
PATH = re.compile(r"{0}(\.{0})*".format(r'[^.\[\]"\\]+(\[\d+\])*'))
CHECKS: Mapping[str, tuple[str, Callable[[str, object], Any]]] = {
    "binding": ("bindings", texts),
    "status": ("statuses", statuses),
    "payload": ("payload", _payload),
    "error": ("error", _text),
    "ids": ("ids", texts),
    "created_after": ("created_after_ms", _time),
    "created_before": ("created_before_ms", _time),
    "fingerprint": ("fingerprint", _fingerprint),
    "reason": ("reason", _reason),
}
"""Names in a filter as users write it: the field each fills, and how it is checked."""

NO_FILTER = JobFilter()

checked_limit = whole(1, MAX_PAGE_SIZE)
"""How many a page may hold."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search, newest first.

    Attributes:
        jobs: without payload bodies over 1 KB, long lists of `after`, results and history: `find`
            has them.
        next: pass as `before` to go on; None where there is nothing more.
        looked_back_to_ms: how far the search has looked, epoch milliseconds; None if to the end.
    """

    jobs: tuple[Job, ...]
    next: str | None = None
    looked_back_to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many; `exact` is False where counting stopped (at 10,000 matches or 10,000 rows)."""

    value: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class BindingCounts:
    """Jobs of one binding by status, from the counters."""

    binding: str
    by_status: Mapping[JobStatus, int]


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a dashboard asks every few seconds, from the counters.

    Attributes:
        cursor: grows with every transition; equal cursors mean nothing changed.
        bindings: counts of each binding.
        oldest_due_ms: since when the longest-waiting due job waits, epoch milliseconds.
        unserved: bindings with open jobs that no live worker serves.
        paused: paused bindings.
        workers: live workers.
        oldest_due_id: the longest-waiting due job.
    """

    cursor: int
    bindings: tuple[BindingCounts, ...]
    oldest_due_ms: int | None
    unserved: tuple[str, ...]
    paused: tuple[str, ...]
    workers: int
    oldest_due_id: str | None = None


@dataclass(frozen=True, slots=True)
class BindingStats:
    """What became of one binding's jobs within a time bucket (or over the whole range).

    Attributes:
        from_ms: the start of the bucket, epoch milliseconds.
        seconds: how much time it covers.
        enqueued: jobs accepted. completed, failed: attempts that ended so. retried: of the
            failed, those that got another attempt. crashed: attempts whose worker was lost.
        wait_ms, run_ms: means per attempt in milliseconds; None without attempts.
        wait, run: how these are distributed: `run.p95`, `wait.percentile(90)`.
    """

    binding: str
    from_ms: int
    seconds: float
    enqueued: int = 0
    completed: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    crashed: int = 0
    wait_ms: float | None = None
    run_ms: float | None = None
    wait: Distribution = field(default_factory=Distribution)
    run: Distribution = field(default_factory=Distribution)

    @property
    def failure_rate(self) -> float | None:
        """Failed and crashed attempts over all that ended; None without any."""
        ended = self.completed + self.failed + self.crashed
        return (self.failed + self.crashed) / ended if ended else None

    @property
    def throughput(self) -> float | None:
        """Jobs completed per second; None of no time."""
        return self.completed / self.seconds if self.seconds else None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one cause: of one binding, type of error, and place in the user's own code.

    Attributes:
        fingerprint: of the cause; a filter takes it.
        type, message: of the last error.
        origin: `module:function`, or how a process ended; empty if neither is known.
        job_id: the job that failed so last; it may be gone.
        number: attempts that failed so, crashes among them.
        first_ms, last_ms: when that happened first and last, epoch milliseconds.
    """

    fingerprint: str
    binding: str
    type: str
    origin: str
    message: str
    job_id: str
    number: int
    first_ms: int
    last_ms: int

    @property
    def first_at(self) -> datetime:
        """When it happened first, UTC."""
        return utc(self.first_ms)

    @property
    def last_at(self) -> datetime:
        """When it happened last, UTC."""
        return utc(self.last_ms)
