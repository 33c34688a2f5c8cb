"""What to look for and what comes back: filters, pages, counts, statistics. Frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kiribi.job import Job, JobStatus

WINDOW = 10_000
"""Rows a search may read before it stops and says how far it looked."""

PAGE_SIZE = 50
MAX_PAGE_SIZE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """All that is given must hold; an empty filter matches every job.

    Attributes:
        bindings: any of these.
        statuses: any of these.
        created_after_ms, created_before_ms: epoch milliseconds, from (inclusive), to (exclusive).
        payload: JSON path without `$.` (`user.id`) to the value it must have.
        error: this text occurs in the last error's type or message, any case.
        ids: any of these (at most 1,000).
    """

    bindings: tuple[str, ...] = ()
    statuses: tuple[JobStatus, ...] = ()
    created_after_ms: int | None = None
    created_before_ms: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: str | None = None
    ids: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Can be answered from the counters alone: names bindings and statuses only."""
        return not (
            self.created_after_ms is not None
            or self.created_before_ms is not None
            or self.payload
            or self.error
            or self.ids
        )


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search, newest first.

    Attributes:
        jobs: without payload bodies over 1 KB, results and history: `find` has them.
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
    """

    cursor: int
    bindings: tuple[BindingCounts, ...]
    oldest_due_ms: int | None
    unserved: tuple[str, ...]
    paused: tuple[str, ...]
    workers: int


@dataclass(frozen=True, slots=True)
class BindingStats:
    """What became of one binding's jobs within a time bucket (or over the whole range).

    Attributes:
        from_ms: the start of the bucket, epoch milliseconds.
        enqueued: jobs accepted. completed, failed: attempts that ended so. retried: of the
            failed, those that got another attempt. crashed: attempts whose worker was lost.
        wait_ms, run_ms: means per attempt in milliseconds; None without attempts.
    """

    binding: str
    from_ms: int
    enqueued: int = 0
    completed: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    crashed: int = 0
    wait_ms: float | None = None
    run_ms: float | None = None

    @property
    def failure_rate(self) -> float | None:
        """Failed and crashed attempts over all that ended; None without any."""
        ended = self.completed + self.failed + self.crashed
        return (self.failed + self.crashed) / ended if ended else None
