"""What becomes of a lost worker's jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kiribi import lifecycle
from kiribi._failure import hint
from kiribi.job import Exit, Job, JobError
from kiribi.lifecycle import Change
from kiribi.ports import Store


async def rescue(store: Store, patience: float = 0) -> list[Job]:
    """Bury lapsed workers and settle the jobs of all dead ones; the jobs as they were.

    Safe to run anywhere, by many, and to be interrupted: a worker is buried in one step with
    the check of its lease, and from then on renews and claims no more.

    Args:
        patience: seconds that lapsed workers get, after we could write, to renew. Their leases
            may have lapsed because nobody could: then they must not lose a race against us.
    """
    workers = await store.workers()
    if any(worker.lease_ms <= 0 and worker.dead_reason is None for worker in workers):
        if patience:
            await store.bury({})
            await asyncio.sleep(patience)
        await store.bury_lapsed()
        workers = await store.workers()
    rescued: list[Job] = []
    for worker in workers:
        if (reason := worker.dead_reason) is not None:
            rescued += await take_back(store, worker.id, lambda job, why=reason: crashed(job, why))
    return rescued


async def take_back(store: Store, worker: str, change: Callable[[Job], Change]) -> list[Job]:
    """Apply `change` to every job a dead worker holds, and forget the worker."""
    jobs = await store.held_by(worker)
    taken = await store.apply([change(job) for job in jobs])
    await store.dismiss(worker)
    return [job for job, took in zip(jobs, taken, strict=True) if took]


def crashed(job: Job, reason: str, exit: Exit | None = None) -> Change:
    """The change for a job whose worker was lost for `reason`; `exit`: of its process, if known."""
    told = f"worker {job.worker} was lost: {reason}{hint(exit)}"
    return lifecycle.crash(job, JobError("WorkerLost", told, origin=reason, exit=exit))
