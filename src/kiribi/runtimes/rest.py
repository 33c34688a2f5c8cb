"""REST on Workers: one application an isolate, with the manager of each request."""

from __future__ import annotations

from copy import copy
from typing import Any
from urllib.parse import urlsplit

from kiribi.manager import Kiribi
from kiribi.runtimes.access_jwt import let_in
from kiribi.runtimes.javascript import text_of

CLOSED = (
    "This manager is closed: set a secret KIRIBI_TOKEN (`wrangler secret put KIRIBI_TOKEN`), "
    "the variables KIRIBI_ACCESS_TEAM and KIRIBI_ACCESS_AUD for Cloudflare Access, "
    'or the variable KIRIBI_OPEN = "1" if everybody may do everything.'
)
APPS: dict[str | None, Any] = {}


async def answer(kiribi: Kiribi, request: Any, env: Any) -> Any:
    """The response to one request."""
    from workers import Response, asgi

    token = text_of(env, "KIRIBI_TOKEN")
    if await let_in(request, env):
        token = None
    elif token is None and text_of(env, "KIRIBI_OPEN") != "1":
        return Response(CLOSED, status=403)
    if token not in APPS:
        from kiribi.web.app import create_app
        from kiribi.web.guard import ANY_NAME

        APPS[token] = create_app(kiribi, token=token, allowed_hosts=(ANY_NAME,), events=False)
    from starlette.datastructures import State

    from kiribi.web.pulse import Pulses

    # Requests of one isolate run side by side: each has the application with its own manager.
    app = copy(APPS[token])
    state = {"kiribi": kiribi, "pulses": Pulses(kiribi)}
    app.state = State({**app.state._state, **state})

    async def hosted(scope: Any, receive: Any, send: Any) -> None:
        # a call over a service binding has no Host
        headers = [*scope.get("headers", ())]
        if not any(name == b"host" for name, _ in headers):
            headers.append((b"host", str(urlsplit(str(request.url)).hostname).encode()))
        await app({**scope, "headers": headers}, receive, send)

    return await asgi.fetch(hosted, request.js_object, env)
