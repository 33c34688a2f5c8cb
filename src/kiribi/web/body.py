"""Reading JSON from requests, stricter than Python does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from kiribi.web.errors import Refused

MAX_DEPTH = 128
"""Arrays and objects within each other; payloads have a limit of their own below it."""
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')


def parsed(body: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        Refused: not JSON (RFC 8259), not Unicode, or nested too deeply.
    """
    if _depth(body) > MAX_DEPTH:
        raise _malformed(f"nested more than {MAX_DEPTH} deep", f"at most {MAX_DEPTH} levels")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise _malformed("not Unicode text in UTF-8", "no half surrogate pairs") from None
    except ValueError as error:  # JSONDecodeError, and numbers of thousands of digits
        raise _malformed(str(error), "JSON as in RFC 8259") from None
    return value


class JSONRequest(Request):
    """A request whose body is read by `parsed`."""

    async def json(self) -> Any:
        """The body's value."""
        return parsed(await self.body())


class JSONRoute(APIRoute):
    """A route that reads its body by `parsed`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route, given a `JSONRequest`."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(JSONRequest(request.scope, request.receive))

        return strict


def _depth(body: bytes) -> int:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in re.findall(rb"[\[{\]}]", STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _malformed(message: str, allowed: str) -> Refused:
    return Refused(
        400, "malformed_json", f"body: {message}", field="body", allowed=f"give {allowed}"
    )
