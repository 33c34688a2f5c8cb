"""Pages as npm kiribi's web client asks for them: by key, index and size."""

from __future__ import annotations

from pydantic.alias_generators import to_camel

from kiribi._listing import KEYS, REACH
from kiribi.job import Job
from kiribi.manager import Kiribi
from kiribi.web.asked import Listing

SIZE = 100
"""Jobs where no page is asked for."""
SORTS = {to_camel(key): key for key in KEYS}


async def page_of(kiribi: Kiribi, asked: Listing) -> tuple[list[Job], int]:
    """The jobs of one page, and how many match; 10,001 stands for all above 10,000."""
    filter, sort = asked.job_filter(), asked.sort
    size = asked.page.size if asked.page else SIZE
    start = asked.page.index * size if asked.page else 0
    counted = await kiribi.count(filter)
    total = min(counted.value, REACH + 1) if counted.exact else REACH + 1
    if start >= min(total, REACH):
        return [], total
    page = await kiribi.find_many(
        filter,
        sort=SORTS[sort.key] if sort else "created_at",
        desc=sort.desc if sort else True,
        offset=start,
        limit=min(size, REACH - start),
    )
    return list(page.jobs), total
