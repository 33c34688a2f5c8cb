"""Routes for those who watch: pulse, events, bindings, statistics, workers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from kiribi._schedules import MOST_NEXT, ticks
from kiribi._version import __version__
from kiribi.errors import YEAR, InvalidInput
from kiribi.schedule import Cron, Every
from kiribi.search import MAX_PAGE_SIZE, PAGE_SIZE
from kiribi.web.access import READ, Asking, Manager, needs
from kiribi.web.answers import (
    Beat,
    BindingShown,
    FailureGroupShown,
    Me,
    Statistics,
    Times,
    WorkerShown,
)
from kiribi.web.errors import Refused
from kiribi.web.events import Events
from kiribi.web.openapi import errors
from kiribi.web.response import JSON
from kiribi.web.wire import binding_shown, failure_shown, iso, tally, times_shown, worker_shown

router = APIRouter(tags=["Looking"], dependencies=[needs(READ)])

Name = Annotated[str, Field(max_length=100)]
BUCKETS = ((3, 60), (72, 3_600), (float("inf"), 86_400))
"""Up to so many hours, a step of the series is so many seconds."""


@router.get(
    "/pulse",
    response_model=Beat,
    responses={304: {"description": "It is the one of the `If-None-Match`."}},
)
async def pulse(
    request: Request,
    if_none_match: Annotated[str, Header(description="The `ETag` of an answer before.")] = "",
) -> Response:
    """Counts, health in one line, and a cursor that moves with every change of a job."""
    taken = await request.app.state.pulses.current()
    headers = {"ETag": taken.tag, "Cache-Control": "no-cache"}
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    if taken.tag in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    return Response(taken.body, media_type="application/json", headers=headers)


@router.get(
    "/events",
    response_class=Response,
    responses={
        200: {
            "description": "A stream of `pulse` events, their data as from `/api/pulse`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def events(request: Request) -> Response:
    """Server-sent events: the pulse whenever it changes, at most once a second."""
    streams: Events | None = request.app.state.events
    if streams is None:
        raise Refused(404, "not_found", "this runtime has no events: ask for the pulse")
    return StreamingResponse(
        streams.stream(),
        media_type="text/event-stream",
        # Proxies that buffer would keep it all for themselves.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/me", response_model=Me)
async def me(request: Request, visitor: Asking) -> Response:
    """Who asks, and what they may do."""
    state = request.app.state
    return JSON(
        {
            "user": visitor.user,
            "readOnly": state.read_only,
            "capabilities": state.capabilities,
            "events": state.events is not None,
            "version": __version__,
        }
    )


@router.get("/binding-details", response_model=list[BindingShown])
async def binding_details(kiribi: Manager) -> Response:
    """Every binding that the store knows."""
    return JSON([binding_shown(info) for info in await kiribi.bindings()])


@router.get("/stats", response_model=Statistics, responses=errors(400))
async def stats(
    kiribi: Manager,
    hours: Annotated[float, Query(gt=0, le=24 * 366, description="How far to look back.")] = 24,
    binding: Annotated[list[Name], Query(description="Only these; may be repeated.")] = [],  # noqa: B006
) -> Response:
    """What became of jobs, by binding and over time."""
    bucket = next(seconds for most, seconds in BUCKETS if hours <= most)
    since = await kiribi.store.now_ms() - round(hours * 3_600_000)
    whole = await kiribi.stats(hours=hours, bindings=binding)
    series = await kiribi.stats(hours=hours, bucket=bucket, bindings=binding)
    return JSON(
        {
            "since": iso(since),
            "bucket": bucket,
            "bindings": [tally(each) for each in whole],
            "series": [tally(each) for each in series],
        }
    )


@router.get("/ticks", response_model=Times, responses=errors(400))
async def upcoming_ticks(
    kiribi: Manager,
    cron: Annotated[str, Query(max_length=200, description="A cron expression.")] = "",
    tz: Annotated[str, Query(max_length=100, description="IANA time zone of `cron`.")] = "UTC",
    every: Annotated[float, Query(ge=0, le=YEAR, description="Seconds, instead of `cron`.")] = 0,
    number: Annotated[int, Query(ge=1, le=MOST_NEXT, description="How many.")] = 5,
) -> Response:
    """When a schedule would run, were it made now."""
    if bool(every) == bool(cron):
        raise InvalidInput("cron", cron, "give either cron and tz, or every")
    when = Every(every) if every else Cron(cron, tz)
    now = await kiribi.store.now_ms()
    return JSON(times_shown(when, ticks(when, now, number)))


@router.get("/failures", response_model=list[FailureGroupShown], responses=errors(400))
async def failures(
    kiribi: Manager,
    hours: Annotated[float, Query(gt=0, le=24 * 366, description="How far to look back.")] = 24
    * 366,
    binding: Annotated[list[Name], Query(description="Only these; may be repeated.")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE,
) -> Response:
    """What goes wrong, by cause, what happened last first."""
    found = await kiribi.failures(hours=hours, bindings=binding, limit=limit)
    return JSON([failure_shown(group) for group in found])


@router.get("/workers", response_model=list[WorkerShown])
async def workers(kiribi: Manager) -> Response:
    """Every worker known, newest first."""
    return JSON([worker_shown(info) for info in await kiribi.workers()])
