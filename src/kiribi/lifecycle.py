"""The life cycle of a job, as pure functions: `(job, event) -> Change`.

             ┌────────── retry_delay passed ──────────┐
PENDING ──claim──> PROCESSING ──error──> RETRY_PENDING
   │                  │  │ │  └─worker lost, crashes left─┘
   │                  │  │ └──error, no attempts left / lost too often──> FAILED
cancel                │  └────return value──> COMPLETED
   └──> CANCELLED <───┘ cancel                 any final state ──retry──> PENDING

A `Change` says what to write and what must still be true: the store applies it as a
compare-and-set on `(id, status, attempts)` with its own clock, so it carries delays, not times.
Claiming is the one transition that is not here: it is a single step of the store.

A running job that was asked to stop does not go on: an attempt that ends with more to come
(snoozed, released, crashed) ends as what it was, and the job CANCELLED; a failure, and the last
crash allowed, end it FAILED. The store sees to the same where the request came too late for the
one who made the `Change`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kiribi.errors import IllegalTransition
from kiribi.job import FINAL, MAX_CRASHES, WAITING, Job, JobError, JobStatus, Outcome


@dataclass(frozen=True, slots=True)
class Change:
    """One transition of one job.

    Attributes:
        id, expected, attempts: the job as it must still be: its status and number of claims.
        status: its new status.
        failures, crashes: the new counts.
        delay_ms: due this long after the store's now; None leaves `due` as it is.
        outcome: how the attempt ended; None where no attempt ends.
        result: the return value, stored when COMPLETED.
        error: stored with the attempt, and as the job's error unless the attempt was snoozed
            or released: that is no failure.
        cancel: the new value of `cancel_requested`.
        held: the job must also be waiting for others still.
        worker: that runs it, which must be the same still; None while nobody does.
    """

    id: str
    expected: JobStatus
    attempts: int
    status: JobStatus
    failures: int
    crashes: int
    delay_ms: int | None = None
    outcome: Outcome | None = None
    result: Any = None
    error: JobError | None = None
    cancel: bool = False
    held: bool = False
    worker: str | None = None


def complete(job: Job, result: Any) -> Change:
    """The performer returned."""
    return _ended(job, JobStatus.COMPLETED, Outcome.COMPLETED, result=result)


def fail(
    job: Job, error: JobError, *, max_attempts: int, delay: float, final: bool = False
) -> Change:
    """The performer raised, or ran out of time; `delay` in seconds, `final`: no more attempts."""
    failures = job.failures + 1
    over = final or failures >= max_attempts or job.cancel_requested
    return _ended(
        job,
        JobStatus.FAILED if over else JobStatus.RETRY_PENDING,
        Outcome.FAILED,
        failures=failures,
        delay=None if over else delay,
        error=replace(error, fingerprint=fingerprint(job.binding, error.type, error.origin)),
    )


def snooze(job: Job, seconds: float, reason: str) -> Change:
    """The performer asked for later: nothing is spent."""
    over = job.cancel_requested
    return _ended(
        job,
        JobStatus.CANCELLED if over else JobStatus.PENDING,
        Outcome.SNOOZED,
        delay=None if over else seconds,
        error=JobError("Snooze", reason),
    )


def cancelled(job: Job, reason: str) -> Change:
    """The running attempt stopped because it was asked to, or chose to."""
    error = JobError("Cancel", reason)
    return _ended(job, JobStatus.CANCELLED, Outcome.CANCELLED, error=error)


def release(job: Job, reason: str) -> Change:
    """Handed back at shutdown: nothing is spent, due at once."""
    if job.cancel_requested:
        status = JobStatus.CANCELLED
    else:
        status = JobStatus.RETRY_PENDING if job.failures or job.crashes else JobStatus.PENDING
    return _ended(job, status, Outcome.RELEASED, error=JobError("Released", reason))


def crash(job: Job, error: JobError, *, max_crashes: int = MAX_CRASHES) -> Change:
    """The worker was lost with the job in its hands: due at once, while crashes are left."""
    crashes = job.crashes + 1
    if crashes >= max_crashes:
        status = JobStatus.FAILED
    else:
        status = JobStatus.CANCELLED if job.cancel_requested else JobStatus.RETRY_PENDING
    # However it was noticed: what a process died of is one cause.
    error = replace(error, fingerprint=fingerprint(job.binding, "crashed", error.origin))
    return _ended(job, status, Outcome.CRASHED, crashes=crashes, error=error)


def cancel(job: Job) -> Change:
    """Somebody asked for it: at once while waiting, as a request while running.

    Raises:
        IllegalTransition: the job has ended.
    """
    if job.status in FINAL:
        raise IllegalTransition(job.id, "cancel", job.status, "only open jobs can be cancelled")
    running = job.status is JobStatus.PROCESSING
    status = JobStatus.PROCESSING if running else JobStatus.CANCELLED
    return replace(_change(job, job.status, status), error=job.error, cancel=running)


def retry(job: Job) -> Change:
    """Run an ended job again: failures and crashes count from zero, the history stays.

    Raises:
        IllegalTransition: the job has not ended.
    """
    if job.status not in FINAL:
        raise IllegalTransition(job.id, "retry", job.status, "only ended jobs can be retried")
    again = _change(job, job.status, JobStatus.PENDING)
    return replace(again, failures=0, crashes=0, delay_ms=0)


def run_now(job: Job) -> Change:
    """Make a waiting job due at once.

    Raises:
        IllegalTransition: the job is running or has ended.
    """
    if job.status not in WAITING:
        raise IllegalTransition(job.id, "run now", job.status, "only waiting jobs can be run now")
    return replace(_change(job, job.status, job.status), error=job.error, delay_ms=0)


def fingerprint(binding: str, type: str, origin: str) -> str:
    """Sixteen hexadecimal digits that failures of the same cause share."""
    from hashlib import sha256

    cause = f"{binding}\0{type}\0{origin}"
    return sha256(cause.encode(errors="backslashreplace")).hexdigest()[:16]


def _change(job: Job, expected: JobStatus, status: JobStatus) -> Change:
    counts = job.attempts, status, job.failures, job.crashes
    return Change(job.id, expected, *counts, worker=job.worker)


def _ended(
    job: Job,
    status: JobStatus,
    outcome: Outcome,
    *,
    failures: int | None = None,
    crashes: int | None = None,
    delay: float | None = None,
    result: Any = None,
    error: JobError | None = None,
) -> Change:
    """The end of an attempt: refused by the store unless this attempt still runs."""
    return Change(
        id=job.id,
        expected=JobStatus.PROCESSING,
        attempts=job.attempts,
        status=status,
        failures=job.failures if failures is None else failures,
        crashes=job.crashes if crashes is None else crashes,
        delay_ms=None if delay is None else round(delay * 1000),
        outcome=outcome,
        result=result,
        error=error,
        worker=job.worker,
    )
