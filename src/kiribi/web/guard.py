"""What every request passes first: host, sign-in, origin, kind and size of its body."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kiribi.errors import shown
from kiribi.web.auth import Auth
from kiribi.web.errors import Refused
from kiribi.web.headers import HEADERS

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS = "<any address>"
"""Among allowed hosts: every bare IP address (a name that points somewhere else is none)."""
ANY_NAME = "<any name>"
"""Among allowed hosts: whatever, where the platform in front of us routes by the name."""
MAX_BODY_BYTES = 16 * 1024 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC = frozenset({"/api/login"})


class Guard:
    """Middleware that refuses before anything is read, and hardens every answer."""

    def __init__(self, app: ASGIApp, *, auth: Auth, hosts: Sequence[str]) -> None:
        self._app = app
        self._auth = auth
        self._hosts = frozenset(hostname(host) or host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope, receive)
        try:
            self._check_host(request.headers)
            path = route_path(scope)
            if path == "/api" or path.startswith("/api/"):
                if path not in PUBLIC:
                    request.state.visitor = self._auth.visitor(request)
                if scope["method"] not in SAFE:
                    _check_origin(request.headers)
                if _has_body(request.headers):
                    _check_type(request.headers)
                    receive = await _limited(request.headers, receive)
        except Refused as error:
            await error.response()(scope, receive, hardened)
            return
        await self._app(scope, receive, hardened)

    def _check_host(self, headers: Headers) -> None:
        """A page on a name that an attacker points at this machine gets no answers."""
        given = headers.getlist("host")
        name = hostname(given[0]) if len(given) == 1 else None
        if name is None:
            raise Refused(400, "invalid_host", "give one valid Host header")
        if (
            name in self._hosts
            or ANY_NAME in self._hosts
            or (ANY_ADDRESS in self._hosts and _is_address(name))
        ):
            return
        raise Refused(
            403,
            "host_not_allowed",
            f"this server does not answer as {name!r}; if that is its name, start it with "
            f"--allow-host {name}",
        )


def route_path(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def hostname(host: str) -> str | None:
    """The name in a Host header, in lower case and without its port; None if it has none."""
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?", host.lower())
    return (found[1] or found[2].rstrip(".") or None) if found else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_origin(headers: Headers) -> None:
    """Pages of other sites (and other ports of this machine) may not write."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or urlsplit(origin).netloc.lower() == headers["host"].lower()
    if not own:
        raise Refused(403, "foreign_origin", "pages of other origins may not change anything here")


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _check_type(headers: Headers) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(
            415,
            "unsupported_media_type",
            f"Content-Type: {shown(kind)} is not allowed; give application/json",
            field="Content-Type",
            allowed="give application/json",
        )


async def _limited(headers: Headers, receive: Receive) -> Receive:
    """The same body, read as a whole.

    Raises:
        Refused: it is too large.
    """
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    messages: list[Message] = []
    size, more = 0, True
    while more:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        if size > MAX_BODY_BYTES:
            raise _too_large()
    messages.reverse()

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def _too_large() -> Refused:
    allowed = f"a request has at most {MAX_BODY_BYTES:,} bytes"
    return Refused(413, "body_too_large", f"body: {allowed}", field="body", allowed=allowed)
