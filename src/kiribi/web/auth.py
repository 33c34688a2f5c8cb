"""Who is asking: a bearer token, HTTP Basic, or a session cookie made from the token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from time import time

from starlette.requests import HTTPConnection

from kiribi.errors import InvalidInput
from kiribi.web.errors import Refused
from kiribi.web.throttle import Throttle

COOKIE = "kiribi_session"
SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who was let in; `user` is the name given with HTTP Basic."""

    user: str | None = None


class Auth:
    """Lets in who knows the token; without a token, everybody.

    Raises:
        InvalidInput: the token is empty.
    """

    def __init__(self, token: str | None) -> None:
        if token is not None and not token.strip():
            raise InvalidInput("token", "", "give a long random text, or no token at all")
        self._token = None if token is None else token.encode()
        # Sessions are signed by a key of their own: a cookie holds nothing of the token, and a
        # changed token ends them all.
        self._key = hmac.digest(self._token or b"", b"kiribi session", "sha256")
        self._ended: dict[str, int] = {}
        self._throttle = Throttle()

    def visitor(self, request: HTTPConnection) -> Visitor:
        """Who asks.

        Raises:
            Refused: 401 with wrong or no credentials, 429 after too many wrong ones.
        """
        if self._token is None:
            return Visitor()
        if self._session(request.cookies) is not None:
            return Visitor()
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        user, password = "", None
        if scheme.lower() == "bearer":
            password = given.strip().encode("latin-1")  # how ASGI servers decode headers
        elif scheme.lower() == "basic":
            user, password = _basic(given)
        if password is None:
            raise _unauthorized("sign in, or give the token as a bearer token or by HTTP Basic")
        self._check(password, request)
        return Visitor(user or None)

    def login(self, token: str, request: HTTPConnection) -> str:
        """A session for whoever knows the token: the cookie's value.

        Raises:
            Refused: 401 if it is wrong, 429 after too many wrong ones.
        """
        self._check(_bytes(token), request)
        body = f"{int(time()) + SESSION_SECONDS}.{secrets.token_urlsafe(16)}"
        return f"{body}.{self._signature(body)}"

    def logout(self, request: HTTPConnection) -> None:
        """End the session of this cookie, wherever else the cookie may be."""
        body = self._session(request.cookies)
        if body is not None:
            now = int(time())
            self._ended = {body: end for body, end in self._ended.items() if end > now}
            self._ended[body] = now + SESSION_SECONDS

    def _check(self, given: bytes, request: HTTPConnection) -> None:
        if self._token is None:
            return
        address = request.client.host if request.client else ""
        wait = self._throttle.seconds_left(address)
        if wait:
            raise Refused(
                429,
                "too_many_failures",
                f"too many wrong tokens; try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )
        if not hmac.compare_digest(given, self._token):
            self._throttle.failed(address)
            raise _unauthorized("the token is wrong")

    def _session(self, cookies: Mapping[str, str]) -> str | None:
        body, _, signature = cookies.get(COOKIE, "").rpartition(".")
        if not hmac.compare_digest(_bytes(signature), self._signature(body).encode()):
            return None
        return body if int(body.partition(".")[0]) > time() and body not in self._ended else None

    def _signature(self, body: str) -> str:
        digest = hmac.digest(self._key, _bytes(body), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _unauthorized(message: str) -> Refused:
    # No challenge for Basic: browsers would ask with a window of their own.
    return Refused(
        401, "unauthorized", message, headers={"WWW-Authenticate": 'Bearer realm="Kiribi"'}
    )


def _basic(given: str) -> tuple[str, bytes | None]:
    try:
        user, colon, password = base64.b64decode(given.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return "", None
    return user.decode(errors="replace"), password if colon else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
