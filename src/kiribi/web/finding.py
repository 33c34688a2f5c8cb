"""Routes that find jobs and tell about them."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from kiribi._actions import STEP
from kiribi.errors import JobCancelled, JobFailed, JobNotFound, NotFinished
from kiribi.job import Job
from kiribi.manager import Kiribi
from kiribi.web.access import READ, Manager, needs
from kiribi.web.answers import (
    BatchShown,
    Counted,
    Details,
    Explained,
    Listed,
    Log,
    PageShown,
    Whole,
)
from kiribi.web.asked import MAX_WAIT, Matching, Search
from kiribi.web.body import JSONRoute
from kiribi.web.openapi import errors
from kiribi.web.response import JSON
from kiribi.web.wire import (
    batch_shown,
    detailed,
    explained,
    iso_or_none,
    key_shown,
    line_shown,
    listed,
)

router = APIRouter(route_class=JSONRoute, tags=["Finding"], dependencies=[needs(READ)])

JobId = Annotated[str, Path(description="The job's id.", min_length=1, max_length=100)]


@router.post("/search", response_model=PageShown, responses=errors(400))
async def search(kiribi: Manager, asked: Search) -> Response:
    """A page of jobs, newest first. A search reads a bounded window and says how far it looked."""
    filter = asked.filter.job_filter() if asked.filter else None
    page = await kiribi.find_many(filter, before=asked.before, limit=asked.limit)
    return JSON(
        {
            "jobs": [listed(job, kiribi.redact) for job in page.jobs],
            "next": page.next,
            "lookedBackTo": iso_or_none(page.looked_back_to_ms),
        }
    )


@router.post("/count", response_model=Counted, responses=errors(400))
async def count(kiribi: Manager, asked: Matching) -> Response:
    """How many jobs match: exact to 10,000."""
    counted = await kiribi.count(asked.filter.job_filter() if asked.filter else None)
    return JSON({"count": counted.value, "exact": counted.exact})


@router.get("/jobs/{id}", response_model=Whole, responses=errors(400, 404))
async def find(kiribi: Manager, id: JobId) -> Response:
    """A job as a whole."""
    job = await existing(kiribi, id)
    unique = (await kiribi.store.unique_keys([job.id])).get(job.id)
    shown = detailed(job, kiribi.redact)
    return JSON({**shown, "uniqueKey": key_shown(job, unique, kiribi.redact)})


@router.get("/jobs/{id}/logs", response_model=Log, responses=errors(400, 404))
async def logs(
    kiribi: Manager,
    id: JobId,
    after: Annotated[int, Query(ge=0, le=2**53, description="`next` of the answer before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=STEP)] = STEP,
) -> Response:
    """What the job's attempts logged, oldest first."""
    await existing(kiribi, id)
    found = await kiribi.logs(id, after=after, limit=limit)
    lines = [line_shown(seq, line) for seq, line in found]
    return JSON({"lines": lines, "next": found[-1][0] if found else after})


@router.get("/jobs/{id}/explain", response_model=Explained, responses=errors(400, 404))
async def explain(kiribi: Manager, id: JobId) -> Response:
    """Why a job is where it is."""
    return JSON(explained(await kiribi.explain(id), kiribi.redact))


@router.get("/batches/{id}", response_model=BatchShown, responses=errors(400, 404))
async def batch(kiribi: Manager, id: JobId) -> Response:
    """How far a batch has come; of any other job, what it waits for."""
    return JSON(batch_shown(await kiribi.batch(id), kiribi.redact))


@router.get(
    "/jobs/{id}/result",
    response_model=Details,
    responses={**errors(400, 404), 202: {"model": Details, "description": "It has not ended yet."}},
)
async def result(
    kiribi: Manager,
    id: JobId,
    timeout: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait.")] = 30.0,
) -> Response:
    """Wait for a job's end, however it ends: 200 once it has ended, else 202."""
    return await outcome(kiribi, id, timeout)


@router.get("/dead-jobs", response_model=list[Listed])
async def dead_jobs(kiribi: Manager) -> Response:
    """Jobs that are PROCESSING on a worker whose lease has lapsed."""
    return JSON([listed(job, kiribi.redact) for job in await kiribi.find_dead_jobs()])


async def existing(kiribi: Kiribi, id: str) -> Job:
    """The job.

    Raises:
        JobNotFound: no such job.
    """
    job = await kiribi.find(id)
    if job is None:
        raise JobNotFound(id)
    return job


async def outcome(kiribi: Kiribi, id: str, timeout: float) -> Response:
    """The job after its end, or as it is when the wait is over."""
    with suppress(NotFinished, JobFailed, JobCancelled):
        await kiribi.result(id, timeout)
    job = await existing(kiribi, id)
    return JSON(detailed(job, kiribi.redact), 200 if job.status.is_final else 202)
