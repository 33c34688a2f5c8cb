"""Sorting and offsets, as npm kiribi has them, within a bounded number of jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kiribi.job import Job
from kiribi.manager import Kiribi
from kiribi.search import MAX_PAGE_SIZE, JobFilter
from kiribi.web.asked import Listing

REACH = 10_000
"""How many of the newest matches can be sorted and paged through."""
LOOKS = 50
"""Windows of a search read for it: rare matches further back are not listed."""
SIZE = 100
"""Jobs where no page is asked for."""

KEYS: Mapping[str, Callable[[Job], int | None]] = {
    "attempts": lambda job: job.attempts,
    "createdAt": lambda job: job.created_ms,
    "startedAt": lambda job: job.started_ms,
    "finishedAt": lambda job: job.finished_ms,
    "completedAt": lambda job: job.finished_ms if job.status == "COMPLETED" else None,
    "processingTime": lambda job: job.processing_ms,
}


async def page_of(kiribi: Kiribi, asked: Listing) -> tuple[list[Job], int]:
    """The jobs of one page, and how many match; 10,001 stands for all above 10,000."""
    filter, sort = asked.job_filter(), asked.sort
    start = asked.page.index * asked.page.size if asked.page else 0
    end = min(start + asked.page.size if asked.page else SIZE, REACH)
    counted = await kiribi.count(filter)
    total = min(counted.value, REACH + 1) if counted.exact else REACH + 1
    in_order = sort is None or (sort.key == "createdAt" and sort.desc)
    jobs = await _newest(kiribi, filter, min(total, end if in_order else REACH))
    if sort is not None and not in_order:
        key = KEYS[sort.key]
        # As in SQL: no value is less than any, and equal ones stay newest first
        jobs.sort(key=lambda job: -1 if (value := key(job)) is None else value, reverse=sort.desc)
    return jobs[start:end], total


async def _newest(kiribi: Kiribi, filter: JobFilter, number: int) -> list[Job]:
    """The newest `number` matches; it ends with the last of them, not with the last job."""
    jobs: list[Job] = []
    before: str | None = None
    for _ in range(LOOKS):
        if len(jobs) >= number:
            break
        limit = min(number - len(jobs), MAX_PAGE_SIZE)
        page = await kiribi.find_many(filter, before=before, limit=limit)
        jobs += page.jobs
        before = page.next
        if before is None:
            break
    return jobs
