"""REST on Workers: one application an isolate, with the manager of each request."""

from __future__ import annotations

from typing import Any

from kiribi.manager import Kiribi
from kiribi.runtimes.javascript import text_of

CLOSED = (
    "This manager is closed: set a secret KIRIBI_TOKEN (`wrangler secret put KIRIBI_TOKEN`), "
    'or the variable KIRIBI_OPEN = "1" if everybody may do everything.'
)
APPS: dict[str | None, Any] = {}


async def answer(kiribi: Kiribi, request: Any, env: Any) -> Any:
    """The response to one request."""
    from workers import Response, asgi

    token = text_of(env, "KIRIBI_TOKEN")
    if token is None and text_of(env, "KIRIBI_OPEN") != "1":
        return Response(CLOSED, status=403)
    if token not in APPS:
        from kiribi.web.app import create_app
        from kiribi.web.guard import ANY_NAME

        APPS[token] = create_app(kiribi, token=token, allowed_hosts=(ANY_NAME,))
    app = APPS[token]
    app.state.kiribi = kiribi
    return await asgi.fetch(app, request.js_object, env)
