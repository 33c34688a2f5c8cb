"""Why a job is where it is: pure, from what the store says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kiribi.job import Job, JobStatus
from kiribi.ports import BindingInfo, WorkerInfo


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that holds a job; `code` is for programs, `message` for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A job and why it is not running (or what is going on with it)."""

    job: Job
    reasons: tuple[Reason, ...]


def explained(
    job: Job,
    *,
    now_ms: int,
    bindings: Sequence[BindingInfo],
    workers: Sequence[WorkerInfo],
) -> Explanation:
    """What holds `job`, the strongest reason first."""
    if job.status.is_final:
        reasons = [_ended(job)]
    elif job.status is JobStatus.PROCESSING:
        reasons = _running(job, workers)
    else:
        reasons = _waiting(job, now_ms, bindings, workers)
    return Explanation(job, tuple(reasons))


def _ended(job: Job) -> Reason:
    if job.status is JobStatus.COMPLETED:
        return Reason("completed", f"It completed in its attempt {job.attempts}.")
    if job.status is JobStatus.CANCELLED:
        return Reason("cancelled", "It was cancelled; retry runs it again.")
    last = f"{job.error.type}: {job.error.message}" if job.error else "no error was stored"
    counts = [_counted(job.failures, "failure"), _counted(job.crashes, "crash", "crashes")]
    count = " and ".join(filter(None, counts)) or "no attempt"
    return Reason("failed", f"It failed for good after {count}; the last: {last}")


def _running(job: Job, workers: Sequence[WorkerInfo]) -> list[Reason]:
    worker = next((w for w in workers if w.id == job.worker), None)
    if worker is None:
        return [Reason("worker_lost", "Its worker is gone; the next rescue takes the job back.")]
    if worker.dead_reason is not None:
        return [Reason("worker_lost", f"Its worker is dead ({worker.dead_reason}); rescue is due.")]
    where = f"on {worker.host} (process {worker.pid})"
    if worker.lease_ms <= 0:
        return [Reason("lease_lapsed", f"Its worker {where} stopped renewing; rescue is due.")]
    seconds = worker.lease_ms / 1000
    reasons = [
        Reason(
            "running", f"It runs {where}; were that lost, rescue would follow in {seconds:.0f} s."
        )
    ]
    if job.cancel_requested:
        reasons.insert(0, Reason("cancelling", "It was asked to stop and has not ended yet."))
    return reasons


def _waiting(
    job: Job, now_ms: int, bindings: Sequence[BindingInfo], workers: Sequence[WorkerInfo]
) -> list[Reason]:
    reasons: list[Reason] = []
    if job.due_ms > now_ms:
        wait = (job.due_ms - now_ms) / 1000
        what = "retry" if job.status is JobStatus.RETRY_PENDING else "run"
        at = f"{job.due_at:%Y-%m-%d %H:%M:%S} UTC"
        reasons.append(Reason("due_later", f"Its {what} is due in {wait:,.0f} s, at {at}."))
    if any(info.paused for info in bindings if info.name == job.binding):
        reasons.append(Reason("paused", f"{job.binding} is paused; resume it."))
    alive = [w for w in workers if w.dead_reason is None and w.lease_ms > 0]
    if not any(job.binding in worker.bindings for worker in alive):
        reasons.append(Reason("unserved", f"No live worker serves {job.binding}."))
    if not reasons:
        reasons.append(
            Reason("waiting_for_slot", "It is due: it runs as soon as a slot is free before it.")
        )
    return reasons


def _counted(number: int, one: str, many: str | None = None) -> str:
    """`1 failure`, `2 failures`; nothing for none."""
    return f"{number} {one if number == 1 else many or one + 's'}" if number else ""
