"""What a job is: frozen data, the same on every store and runtime."""

from __future__ import annotations

import functools
import itertools
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Self, TypeVar, dataclass_transform

T = TypeVar("T")


class JobStatus(StrEnum):
    """Where a job stands in its life cycle (drawn in `kiribi.lifecycle`)."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    RETRY_PENDING = "RETRY_PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Nothing more happens to the job by itself."""
        return self in FINAL


FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
OPEN = frozenset(JobStatus) - FINAL
WAITING = frozenset({JobStatus.PENDING, JobStatus.RETRY_PENDING})
MAX_CRASHES = 3
"""Workers a job may take down before it is FAILED (Sidekiq's poison-pill rule: 3)."""


HELD_MS = 253_402_300_799_999
"""When a job is due that waits for others: the end of the year 9999."""


class Outcome(StrEnum):
    """How one attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    SNOOZED = "snoozed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    RELEASED = "released"


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _frozen(cls: type[T]) -> type[T]:
    """A frozen dataclass to type checkers; at run time that would double what making one costs."""
    return dataclass(slots=True)(cls)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.

    Attributes:
        signal: that killed it, by name; None if none did.
        code: its exit code; None if a signal killed it.
        peak_memory: the most bytes it had in memory; None if not known.
    """

    signal: str | None = None
    code: int | None = None
    peak_memory: int | None = None

    def __str__(self) -> str:
        return f"killed by {self.signal}" if self.signal else f"exit code {self.code}"


@dataclass(frozen=True, slots=True)
class JobError:
    """What went wrong.

    Attributes:
        type: the exception's class name.
        traceback: may be empty.
        origin: where in the user's own code it was raised, `module:function`, or how the process
            ended; empty if neither is known.
        exit: of the process that died with the job; None unless it crashed.
        fingerprint: equal for failures of one binding, type and origin; empty where it is no
            failure.
    """

    type: str
    message: str
    traceback: str = ""
    origin: str = ""
    exit: Exit | None = None
    fingerprint: str = field(default="", compare=False)

    def to_json(self) -> list[Any]:
        """As it is stored and sent."""
        told = [self.type, self.message, self.traceback]
        if self.origin or self.fingerprint or self.exit:
            told += [self.fingerprint, self.origin]
        if self.exit:
            told += [self.exit.signal, self.exit.code, self.exit.peak_memory]
        return told

    @classmethod
    def from_json(cls, told: Sequence[Any]) -> Self:
        """The one that `to_json` told of."""
        type, message, traceback, *more = told
        fingerprint, origin, *exit = more or ("", "")
        died = Exit(*exit) if exit else None
        return cls(type, message, traceback, origin, died, fingerprint)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a job. Times are epoch milliseconds of the store's clock."""

    number: int
    outcome: Outcome
    started_ms: int
    finished_ms: int
    worker: str | None = None
    error: JobError | None = None


@_frozen
class Job:
    """A job as the store has it. `*_ms` are epoch milliseconds of the store's clock.

    Attributes:
        payload: the JSON value given to `enqueue`.
        options: the options given explicitly, by their Python names, as JSON: `at` is epoch
            milliseconds, an `Exponential` is `{"exponential": true, "base": …, "cap": …}`.
        attempts: how often it was claimed; the fence token of the running attempt.
        failures: attempts that count against `max_attempts`.
        crashes: attempts whose worker was lost.
        due_ms: not claimed before this time; `HELD_MS` while it waits for other jobs.
        result: the JSON value returned by the performer.
        error: the last failure (or crash, or what stopped it); None if it completed.
        progress: (fraction from 0 to 1, message) as last reported.
        cancel_requested: asked to stop while PROCESSING.
        history: the last 20 attempts, oldest first; empty in listings.
        duplicate: `enqueue` found this job under the given id, or with the unique key, and made
            no new one.
    """

    id: str
    binding: str
    status: JobStatus = JobStatus.PENDING
    payload: Any = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    priority: int = 0
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    due_ms: int = 0
    updated_ms: int = 0
    started_ms: int | None = None
    finished_ms: int | None = None
    worker: str | None = None
    cancel_requested: bool = False
    result: Any = None
    error: JobError | None = None
    progress: tuple[float, str] | None = None
    history: tuple[Attempt, ...] = ()
    duplicate: bool = False

    @property
    def schedule(self) -> str | None:
        """The name of the schedule that made it."""
        return self.options.get("schedule")

    @property
    def tick_at(self) -> datetime | None:
        """The tick of the schedule it was made for, UTC; None if somebody did not wait for it."""
        tick = self.options.get("tick")
        return None if tick is None else utc(tick)

    @property
    def created_ms(self) -> int:
        """The time in the id (UUIDv7, RFC 9562)."""
        return id_ms(self.id)

    @property
    def created_at(self) -> datetime:
        """When it was enqueued, UTC."""
        return utc(self.created_ms)

    @property
    def due_at(self) -> datetime:
        """The earliest time of its next run, UTC."""
        return utc(self.due_ms)

    @property
    def started_at(self) -> datetime | None:
        """When the last attempt started, UTC."""
        return None if self.started_ms is None else utc(self.started_ms)

    @property
    def finished_at(self) -> datetime | None:
        """When the last attempt ended, UTC."""
        return None if self.finished_ms is None else utc(self.finished_ms)

    @property
    def completed_at(self) -> datetime | None:
        """When it completed, UTC; None unless COMPLETED."""
        return self.finished_at if self.status is JobStatus.COMPLETED else None

    @property
    def reason(self) -> Literal["failed", "crashed"] | None:
        """Why it is FAILED: `crashed` if it killed its workers, three times; None if it is not."""
        if self.status is not JobStatus.FAILED:
            return None
        return "crashed" if self.crashes >= MAX_CRASHES else "failed"

    @property
    def processing_ms(self) -> int | None:
        """How long the last ended attempt ran, in milliseconds."""
        if self.started_ms is None or self.finished_ms is None:
            return None
        return max(0, self.finished_ms - self.started_ms)


def new_id(now_ms: int | None = None) -> str:
    """A fresh UUIDv7 (RFC 9562); `now_ms` defaults to this machine's clock.

    Those of one process sort in the order they were made, also within a millisecond.
    """
    if now_ms is None:
        ms, ns = divmod(time.time_ns(), 1_000_000)
        fraction = (ns << 12) // 1_000_000
    else:
        ms, fraction = now_ms, 0
    # 48 bits of time, version 7, 12 bits of its fraction, variant 10, 22 of a count, 40 random
    count, chance = next(_count()) & 0x3F_FFFF, os.urandom(5).hex()
    parted = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{fraction:03x}-{0x8000 | count >> 8:04x}"
    return f"{parted}-{count & 0xFF:02x}{chance}"


@functools.cache
def _count() -> Iterator[int]:
    # Not made at import: Workers have no random numbers then.
    return itertools.count(int.from_bytes(os.urandom(3), "big") >> 3)


def is_id(text: str) -> bool:
    """Whether `text` is a UUIDv7 as `new_id` writes it."""
    return ID.fullmatch(text) is not None


def id_ms(id: str) -> int:
    """Epoch milliseconds in a UUIDv7."""
    return int(id[:8] + id[9:13], 16)


def epoch_ms(time: datetime) -> int:
    """An aware datetime as whole epoch milliseconds."""
    return (time - EPOCH) // timedelta(milliseconds=1)


def utc(ms: int) -> datetime:
    """Epoch milliseconds as a datetime in UTC, within the calendar's ends."""
    return EPOCH + timedelta(milliseconds=min(max(ms, FIRST_MS), LAST_MS))


ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MS = epoch_ms(datetime.min.replace(tzinfo=UTC))
LAST_MS = epoch_ms(datetime.max.replace(tzinfo=UTC))
