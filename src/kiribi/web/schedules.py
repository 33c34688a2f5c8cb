"""Routes for recurring jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from kiribi import _schedules
from kiribi.manager import Kiribi
from kiribi.search import MAX_PAGE_SIZE
from kiribi.web.access import READ, Manager, needs
from kiribi.web.answers import Details, ScheduleShown, Times
from kiribi.web.asked_schedules import NAME, MakeSchedule, SchedulePart
from kiribi.web.body import JSONRoute
from kiribi.web.openapi import errors
from kiribi.web.response import JSON
from kiribi.web.wire import detailed, schedule_shown, times_shown

router = APIRouter(route_class=JSONRoute, tags=["Recurring"], prefix="/schedules")

Name = Annotated[str, Path(description="The schedule's name.", pattern=NAME, max_length=201)]
CHANGE = needs("schedules.change")


@router.get(
    "",
    response_model=list[ScheduleShown],
    dependencies=[needs(READ)],
    responses=errors(400),
)
async def schedules(
    kiribi: Manager,
    after: Annotated[
        str, Query(max_length=201, description="The last name of the answer before.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = MAX_PAGE_SIZE,
) -> Response:
    """Recurring jobs by name."""
    found = await kiribi.schedules.find_many(after=after, limit=limit)
    return JSON([schedule_shown(info, kiribi.redact) for info in found])


@router.post(
    "",
    status_code=201,
    response_model=ScheduleShown,
    dependencies=[CHANGE],
    responses=errors(400, 409, 422),
)
async def create_schedule(kiribi: Manager, asked: MakeSchedule) -> Response:
    """Make a schedule. The same again gives the one there is; another of this name is refused."""
    info = await kiribi.schedules.create(asked.name, asked.binding, asked.schedule())
    return JSON(schedule_shown(info, kiribi.redact), 201)


@router.get(
    "/{name}",
    response_model=ScheduleShown,
    dependencies=[needs(READ)],
    responses=errors(400, 404),
)
async def find_schedule(kiribi: Manager, name: Name) -> Response:
    """A schedule with its last tick and job."""
    return await _shown(kiribi, name)


@router.patch(
    "/{name}",
    response_model=ScheduleShown,
    dependencies=[CHANGE],
    responses=errors(400, 404, 409, 422),
)
async def edit_schedule(kiribi: Manager, name: Name, asked: SchedulePart) -> Response:
    """Change what is given, leave the rest; refused for what is declared in code."""
    now = (await _schedules.existing(kiribi.schedules, name)).schedule
    await kiribi.schedules.edit(name, asked.changed(now))
    return await _shown(kiribi, name)


@router.delete("/{name}", status_code=204, dependencies=[CHANGE], responses=errors(400, 404, 409))
async def delete_schedule(kiribi: Manager, name: Name) -> Response:
    """Remove a schedule; the jobs it made stay. Refused while live workers' code declares it."""
    await kiribi.schedules.delete(name)
    return Response(status_code=204)


@router.post(
    "/{name}/pause",
    response_model=ScheduleShown,
    dependencies=[CHANGE],
    responses=errors(400, 404, 409),
)
async def pause_schedule(kiribi: Manager, name: Name) -> Response:
    """Run no tick until it is resumed; those until then are left out."""
    await kiribi.schedules.pause(name)
    return await _shown(kiribi, name)


@router.post(
    "/{name}/resume",
    response_model=ScheduleShown,
    dependencies=[CHANGE],
    responses=errors(400, 404, 409),
)
async def resume_schedule(kiribi: Manager, name: Name) -> Response:
    """Go on with the first tick after now."""
    await kiribi.schedules.resume(name)
    return await _shown(kiribi, name)


@router.post(
    "/{name}/run",
    status_code=201,
    response_model=Details,
    dependencies=[CHANGE],
    responses=errors(400, 404, 409),
)
async def run_schedule(kiribi: Manager, name: Name) -> Response:
    """Enqueue its job now, also while it is paused; its ticks go on as they would."""
    return JSON(detailed(await kiribi.schedules.run_now(name), kiribi.redact), 201)


@router.get(
    "/{name}/next",
    response_model=Times,
    dependencies=[needs(READ)],
    responses=errors(400, 404),
)
async def next_ticks(
    kiribi: Manager,
    name: Name,
    number: Annotated[int, Query(ge=1, le=_schedules.MOST_NEXT, description="How many.")] = 5,
) -> Response:
    """Its next ticks; none while it is paused."""
    info = await _schedules.existing(kiribi.schedules, name)
    return JSON(times_shown(info.schedule.when, _schedules.next_ticks(info, number)))


async def _shown(kiribi: Kiribi, name: str) -> Response:
    return JSON(schedule_shown(await _schedules.existing(kiribi.schedules, name), kiribi.redact))
