"""Routes for bulk actions: begun here, carried out by whoever ticks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import WithJsonSchema
from starlette.responses import Response

from kiribi.search import MAX_PAGE_SIZE, PAGE_SIZE
from kiribi.web.access import READ, Asking, Manager, check_granted, needs
from kiribi.web.answers import ActionPage, ActionShown
from kiribi.web.asked import UUID7, NewAction
from kiribi.web.auth import COOKIE, Visitor
from kiribi.web.body import JSONRoute
from kiribi.web.openapi import errors
from kiribi.web.response import JSON
from kiribi.web.wire import action_shown

router = APIRouter(route_class=JSONRoute, tags=["Acting"])

ActionId = Annotated[str, Path(description="The action's id.", min_length=1, max_length=100)]
NEEDED: Mapping[str, str] = {
    "cancel": "jobs.cancel",
    "retry": "jobs.retry",
    "run_now": "jobs.retry",
    "delete": "jobs.delete",
}


@router.post("/actions", status_code=201, response_model=ActionShown, responses=errors(400))
async def start_action(
    request: Request, kiribi: Manager, visitor: Asking, asked: NewAction
) -> Response:
    """Begin to do something to all jobs that match now: it is recorded, and goes on."""
    check_granted(request, NEEDED[asked.kind])
    action = await kiribi.start_action(
        asked.kind, asked.filter.job_filter(), who=who(request, visitor)
    )
    return JSON(action_shown(action), 201)


@router.get(
    "/actions", response_model=ActionPage, dependencies=[needs(READ)], responses=errors(400)
)
async def list_actions(
    kiribi: Manager,
    before: Annotated[
        str | None, Query(description="`next` of the page before."), WithJsonSchema(UUID7)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE,
) -> Response:
    """Bulk actions, newest first."""
    actions = await kiribi.actions(before=before, limit=limit)
    next = actions[-1].id if len(actions) == limit else None
    return JSON({"actions": [action_shown(action) for action in actions], "next": next})


@router.get(
    "/actions/{id}",
    response_model=ActionShown,
    dependencies=[needs(READ)],
    responses=errors(400, 404),
)
async def find_action(kiribi: Manager, id: ActionId) -> Response:
    """A bulk action, and how far it is."""
    return JSON(action_shown(await kiribi.action(id)))


@router.post("/actions/{id}/abort", response_model=ActionShown, responses=errors(400, 404, 409))
async def abort(request: Request, kiribi: Manager, _: Asking, id: ActionId) -> Response:
    """End a bulk action: a step under way is carried out as a whole, or not at all."""
    check_granted(request, NEEDED[(await kiribi.action(id)).kind])
    return JSON(action_shown(await kiribi.abort(id)))


def who(request: Request, visitor: Visitor) -> str:
    """Who asks, for the record: the name given with HTTP Basic, or how, and from where."""
    if visitor.user:
        name = visitor.user
    elif COOKIE in request.cookies:
        name = "browser"
    else:
        name = "token" if "authorization" in request.headers else "anybody"
    return f"{name[:100]} at {request.client.host if request.client else '?'}"
