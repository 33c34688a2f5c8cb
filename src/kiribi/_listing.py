"""Pages in any order and from any offset, within a bounded number of jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kiribi.errors import unknown_name
from kiribi.job import Job
from kiribi.ports import Store
from kiribi.search import MAX_PAGE_SIZE, JobFilter, Page

REACH = 10_000
"""How many of the newest matches can be sorted and paged through."""
LOOKS = 100
"""Windows of a search read for it: rare matches further back are not listed."""

KEYS: Mapping[str, Callable[[Job], int | None]] = {
    "created_at": lambda job: job.created_ms,
    "attempts": lambda job: job.attempts,
    "started_at": lambda job: job.started_ms,
    "finished_at": lambda job: job.finished_ms,
    "completed_at": lambda job: job.finished_ms if job.completed_at else None,
    "processing_time": lambda job: job.processing_ms,
}
"""What jobs can be sorted by."""


async def listing(
    store: Store, filter: JobFilter, *, sort: str, desc: bool, offset: int, limit: int
) -> Page:
    """`limit` of the newest 10,000 matches after the first `offset`, in the order asked.

    As in SQL, no value is less than any; equal ones stay newest first.

    Raises:
        InvalidInput: `sort` is none of `KEYS`.
    """
    if sort not in KEYS:
        raise unknown_name("sort", sort, KEYS)
    key = KEYS[sort]
    in_order = sort == "created_at" and desc
    jobs, looked_back_to_ms = await _newest(store, filter, offset + limit if in_order else REACH)
    if not in_order:
        jobs.sort(key=lambda job: -1 if (value := key(job)) is None else value, reverse=desc)
    return Page(tuple(jobs[offset : offset + limit]), None, looked_back_to_ms)


async def _newest(store: Store, filter: JobFilter, number: int) -> tuple[list[Job], int | None]:
    """The newest `number` matches, and how far was looked for them.

    Counted first, so that it ends with the last match, not with the last job.
    """
    counted = await store.count(filter)
    number = min(number, REACH, counted.value if counted.exact else REACH)
    jobs: list[Job] = []
    page = Page(())
    for _ in range(LOOKS):
        if len(jobs) >= number:
            break
        limit = min(number - len(jobs), MAX_PAGE_SIZE)
        page = await store.search(filter, before=page.next, limit=limit)
        jobs += page.jobs
        if page.next is None:
            break
    return jobs, page.looked_back_to_ms
