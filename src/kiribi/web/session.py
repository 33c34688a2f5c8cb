"""Routes that begin and end a session in a browser."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from kiribi.web.asked import Login
from kiribi.web.auth import COOKIE, SESSION_SECONDS, Auth
from kiribi.web.body import JSONRoute
from kiribi.web.openapi import errors

router = APIRouter(route_class=JSONRoute, tags=["Session"])


@router.post(
    "/login",
    status_code=204,
    responses={
        **errors(400, 401, 429),
        204: {
            "description": "Signed in.",
            "headers": {
                "Set-Cookie": {"description": "The session.", "schema": {"type": "string"}}
            },
        },
    },
)
async def login(request: Request, asked: Login) -> Response:
    """Sign a browser in: the cookie is HttpOnly and holds nothing of the token."""
    auth: Auth = request.app.state.auth
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        auth.login(asked.token, request),
        max_age=SESSION_SECONDS,
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


@router.post("/logout", status_code=204)
async def logout(request: Request) -> Response:
    """End the session."""
    auth: Auth = request.app.state.auth
    auth.logout(request)
    response = Response(status_code=204)
    response.delete_cookie(
        COOKIE,
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


def _path(request: Request) -> str:
    return f"{request.scope.get('root_path', '').rstrip('/')}/"
