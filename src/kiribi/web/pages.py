"""The dashboard's files, at any path prefix, from the moment they are built."""

from __future__ import annotations

import html
import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from kiribi.web.errors import Refused

STATIC = Path(__file__).with_name("static")
FOREVER = "public, max-age=31536000, immutable"
HASHED = re.compile(r"assets/.+-[\w-]{8,}\.\w+")
"""Files whose name changes with their content."""

MISSING = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>Kiribi</title>
<h1>The dashboard is not built yet</h1>
<p>If it is being built, this page becomes the dashboard by itself. Otherwise build it:</p>
<pre>make dashboard</pre>
<p>The API works without it: <a href="{base}api/openapi.json">{base}api/openapi.json</a></p>
</html>
"""


class Pages:
    """An ASGI application: a file if there is one of that name, else the page itself."""

    def __init__(self, static: Path = STATIC) -> None:
        self._static = static
        self._files = StaticFiles(directory=static, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            response = await self._response(scope)
            await response(scope, receive, send)

    async def _response(self, scope: Scope) -> Response:
        path = self._files.get_path(scope)
        if path == "api" or path.startswith("api/"):
            return Refused(404, "not_found", "there is no such route").response()
        if scope["method"] not in ("GET", "HEAD"):
            headers = {"Allow": "GET, HEAD"}
            return Refused(
                405, "method_not_allowed", "pages are only read", headers=headers
            ).response()
        if path not in (".", "index.html"):
            try:
                file = await self._files.get_response(path, scope)
            except (HTTPException, ValueError):
                if path.startswith("assets/"):
                    return Refused(404, "not_found", "there is no such file").response()
            else:
                file.headers["Cache-Control"] = FOREVER if HASHED.fullmatch(path) else "no-cache"
                return file
        return self._page(Request(scope))

    def _page(self, request: Request) -> Response:
        base = html.escape(f"{request.scope.get('root_path', '').rstrip('/')}/")
        headers = {"Cache-Control": "no-cache"}
        try:
            page = (self._static / "index.html").read_text("utf-8")
        except OSError:
            return HTMLResponse(MISSING.format(base=base), 503, headers)
        return HTMLResponse(page.replace('<base href="/"', f'<base href="{base}"', 1), 200, headers)
