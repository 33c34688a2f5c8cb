"""REST on Workers: one application an isolate, with the manager of each request."""

from __future__ import annotations

import json
from copy import copy
from typing import Any
from urllib.parse import urlsplit

from kiribi.manager import Kiribi
from kiribi.runtimes.access_jwt import let_in
from kiribi.runtimes.javascript import text_of
from kiribi.web.headers import HEADERS

CLOSED = (
    "This manager is closed: set a secret KIRIBI_TOKEN (`wrangler secret put KIRIBI_TOKEN`), "
    "the variables KIRIBI_ACCESS_TEAM and KIRIBI_ACCESS_AUD for Cloudflare Access, "
    'or the variable KIRIBI_OPEN = "1" if everybody may do everything.'
)
FORBIDDEN = json.dumps({"error": {"code": "forbidden", "message": CLOSED}})
APPS: dict[tuple[str | None, bool], Any] = {}


async def answer(kiribi: Kiribi, request: Any, env: Any) -> Any:
    """The response to one request."""
    from workers import Response, asgi

    token = text_of(env, "KIRIBI_TOKEN")
    if await let_in(request, env):
        token = None
    elif token is None and text_of(env, "KIRIBI_OPEN") != "1":
        headers = {"content-type": "application/json", **HEADERS}
        return Response(FORBIDDEN, status=403, headers=headers)
    read_only = text_of(env, "KIRIBI_READ_ONLY") == "1"
    if (token, read_only) not in APPS:
        from kiribi.web.app import create_app
        from kiribi.web.guard import ANY_NAME

        APPS[token, read_only] = create_app(
            kiribi, token=token, read_only=read_only, allowed_hosts=(ANY_NAME,), events=False
        )
    from starlette.datastructures import State

    from kiribi.web.pulse import Pulses

    # Requests of one isolate run side by side: each has the application with its own manager.
    app = copy(APPS[token, read_only])
    state = {"kiribi": kiribi, "pulses": Pulses(kiribi)}
    app.state = State({**app.state._state, **state})

    async def hosted(scope: Any, receive: Any, send: Any) -> None:
        # a call over a service binding has no Host, and no address
        headers = [*scope.get("headers", ())]
        known = dict(headers)
        if b"host" not in known:
            headers.append((b"host", str(urlsplit(str(request.url)).hostname).encode()))
        address = known.get(b"cf-connecting-ip", b"").decode()
        client = (address, 0) if address else None
        await app({**scope, "headers": headers, "client": client}, receive, send)

    return await asgi.fetch(hosted, request.js_object, env)
