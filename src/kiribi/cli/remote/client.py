"""The REST API of a manager: one request, its answer, and errors as they are elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from kiribi import errors
from kiribi._version import __version__
from kiribi.errors import InvalidInput, KiribiError, StoreUnavailable
from kiribi.web.wire import WIRE_NAMES

SECONDS = 60.0
"""The longest that an answer may take."""
ACCESS = {
    "CF-Access-Client-Id": "CF_ACCESS_CLIENT_ID",
    "CF-Access-Client-Secret": "CF_ACCESS_CLIENT_SECRET",
}
"""Headers of a service token of Cloudflare Access, by the variables that hold them."""
KINDS: Mapping[str, type[KiribiError]] = {
    "invalid_payload": errors.InvalidPayload,
    "unknown_binding": errors.UnknownBinding,
    "invalid_input": errors.InvalidInput,
    "job_not_found": errors.JobNotFound,
    "action_not_found": errors.ActionNotFound,
    "schedule_not_found": errors.ScheduleNotFound,
    "id_conflict": errors.IdConflict,
    "duplicate": errors.Duplicate,
    "schedule_conflict": errors.ScheduleConflict,
    "conflict": errors.Conflict,
    "not_supported": errors.NotSupported,
    "store_unavailable": errors.StoreUnavailable,
}
"""Errors by their codes in answers."""
NAMES = {there: here for here, there in WIRE_NAMES.items()}


class Client:
    """Asks the manager at `url`; `token` is never part of an error.

    Raises:
        InvalidInput: `url` is no address of a manager.
    """

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise InvalidInput("database", f"{parts.scheme}://…@{parts.hostname}", "give --token")
        if not parts.hostname or parts.query or parts.fragment:
            raise InvalidInput("database", url, "give an address such as https://jobs.example.org")
        self.url = url.rstrip("/")
        self._headers = {"User-Agent": f"kiribi/{__version__}", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token.strip()}"
        for header, variable in ACCESS.items():
            if value := os.environ.get(variable):
                self._headers[header] = value
        self._opener = build_opener(_NoRedirect)

    async def get(self, *path: str, **query: Any) -> Any:
        """What there is at `path`."""
        return await self._ask("GET", path, query=query)

    async def post(self, *path: str, body: Any = None) -> Any:
        """What becomes of asking for it."""
        return await self._ask("POST", path, body)

    async def patch(self, *path: str, body: Any) -> Any:
        """What becomes of a change."""
        return await self._ask("PATCH", path, body)

    async def delete(self, *path: str) -> None:
        """Remove it."""
        await self._ask("DELETE", path)

    async def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        body: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        place = "/".join(quote(part, safe="") for part in path)
        request = Request(  # noqa: S310 - `Where` lets only http and https through
            f"{self.url}/api/{place}{'?' if asked else ''}{urlencode(asked, doseq=True)}",
            None if body is None else json.dumps(body).encode(),
            {**self._headers, **({} if body is None else {"Content-Type": "application/json"})},
            method=method,
        )
        status, kind, text = await asyncio.to_thread(self._send, request)
        if status == 204:
            return None
        if 300 <= status < 400:
            names = " and ".join(ACCESS.values())
            raise KiribiError(
                f"{self.url} wants a sign-in elsewhere ({status}): behind Cloudflare Access, "
                f"set {names} to those of a service token"
            )
        try:
            answer = json.loads(text)
        except ValueError:
            told = f"it answered {status} {kind or 'without a type'}"
            raise KiribiError(f"{self.url} is no manager of Kiribi: {told}") from None
        if status >= 400:
            raise _error(self.url, status, answer)
        return answer

    def _send(self, request: Request) -> tuple[int, str, bytes]:
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers.get_content_type(), error.read()
        except (URLError, HTTPException, OSError, ValueError) as error:
            why = error.reason if isinstance(error, URLError) else error
            what = type(why).__name__ if isinstance(why, ValueError) else why
            raise StoreUnavailable(f"{self.url} cannot be asked: {what}") from None


class _NoRedirect(HTTPRedirectHandler):
    """A secret goes to no other address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _error(url: str, status: int, answer: Any) -> KiribiError:
    """What was answered, as it would have been raised here."""
    told: Any = cast("Any", answer).get("error") if isinstance(answer, dict) else None
    if not isinstance(told, dict) or "message" not in told:
        return KiribiError(f"{url} is no manager of Kiribi: it answered {status}")
    error = cast("Mapping[str, str]", told)
    code, message = error.get("code", ""), error["message"]
    if status == 401:
        return KiribiError(f"{url}: {message} (--token or KIRIBI_TOKEN)")
    kind = KINDS.get(code)
    if kind is None:
        return KiribiError(f"{url}: {message}")
    made = kind.__new__(kind, message)
    if isinstance(made, InvalidInput):
        there = error.get("field") or message.partition(":")[0]
        made.field = NAMES.get(there, there)
        made.value, made.allowed = None, error.get("allowed", "")
        message = made.field + message.removeprefix(there)
    made.args = (message,)
    return made
