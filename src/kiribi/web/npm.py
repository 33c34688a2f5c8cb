"""npm kiribi's routes: its own web client works against them unchanged."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import PlainTextResponse, Response

from kiribi.errors import InvalidInput
from kiribi.web.access import READ, Manager, needs
from kiribi.web.answers import Existing, ZodProblem
from kiribi.web.asked import Ids, Listing
from kiribi.web.body import JSONRoute
from kiribi.web.examples import ZOD
from kiribi.web.finding import JobId
from kiribi.web.listing import page_of
from kiribi.web.openapi import NEW_JOB, errors
from kiribi.web.response import JSON
from kiribi.web.wire import listed
from kiribi.web.zod import Issues, issues_of, new_job

router = APIRouter(route_class=JSONRoute, tags=["npm kiribi"])

REFUSED: Any = {
    "model": ZodProblem,
    "description": "What zod would refuse.",
    "content": {"application/json": {"example": ZOD}},
}
OK: Any = {200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "OK"}}}}


@router.post("/jobs", response_model=Existing, dependencies=[needs(READ)], responses=errors(400))
async def list_jobs(kiribi: Manager, asked: Listing) -> Response:
    """A page of the newest 10,000 matches, in any order."""
    jobs, total = await page_of(kiribi, asked)
    return JSON({"results": [listed(job, kiribi.redact) for job in jobs], "totalCount": total})


@router.get("/bindings", response_model=list[str], dependencies=[needs(READ)])
async def binding_names(kiribi: Manager) -> Response:
    """The names of all bindings."""
    known = {info.name for info in await kiribi.bindings()}
    return JSON(sorted(known | kiribi.performers.keys()))


@router.post(
    "/jobs/create",
    response_class=Response,
    dependencies=[needs("jobs.enqueue")],
    responses={**OK, 400: REFUSED, **errors(409)},
    openapi_extra={"requestBody": NEW_JOB},
)
async def create_job(request: Request, kiribi: Manager) -> Response:
    """Accept a job whose payload is a JSON text; unknown names are left out.

    Options that npm does not know (`unique`, `after`, `concurrencyKey`…) are as in `/api/enqueue`.
    """
    try:
        binding, payload, options = new_job(await request.body())
        await kiribi.enqueue(binding, payload, **options)
    except Issues as issues:
        return issues.response()
    except InvalidInput as error:
        return issues_of(error).response()
    return PlainTextResponse("OK")


@router.patch(
    "/jobs/{id}/cancel",
    response_class=Response,
    dependencies=[needs("jobs.cancel")],
    responses={**OK, **errors(400, 404, 409)},
)
async def cancel_job(kiribi: Manager, id: JobId) -> Response:
    """Cancel a job; a running one is asked to stop."""
    await kiribi.cancel(id)
    return PlainTextResponse("OK")


# Before the route of one job, whose pattern its path fits too
@router.delete(
    "/jobs/delete",
    response_class=Response,
    dependencies=[needs("jobs.delete")],
    responses={**OK, **errors(400)},
)
async def delete_jobs(kiribi: Manager, ids: Annotated[Ids, Body()]) -> Response:
    """Remove jobs for good; those PROCESSING or gone already are skipped."""
    await kiribi.delete(ids)
    return PlainTextResponse("OK")


@router.delete(
    "/jobs/{id}",
    response_class=Response,
    dependencies=[needs("jobs.delete")],
    responses={**OK, **errors(400, 404, 409)},
)
async def delete_job(kiribi: Manager, id: JobId) -> Response:
    """Remove a job for good, unless it is PROCESSING."""
    await kiribi.delete(id)
    return PlainTextResponse("OK")
