"""What is answered when something is refused: `{error: {code, message, field?, allowed?}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kiribi.errors import (
    ActionNotFound,
    Conflict,
    Duplicate,
    IdConflict,
    InvalidInput,
    InvalidPayload,
    JobNotFound,
    KiribiError,
    NotSupported,
    ScheduleConflict,
    ScheduleNotFound,
    StoreError,
    UnknownBinding,
    shown,
)
from kiribi.web.headers import HEADERS
from kiribi.web.response import JSON
from kiribi.web.wire import WIRE_NAMES

CODES: Sequence[tuple[type[KiribiError], int, str]] = (
    (InvalidPayload, 422, "invalid_payload"),
    (UnknownBinding, 422, "unknown_binding"),
    (InvalidInput, 400, "invalid_input"),
    (JobNotFound, 404, "job_not_found"),
    (ActionNotFound, 404, "action_not_found"),
    (ScheduleNotFound, 404, "schedule_not_found"),
    (IdConflict, 409, "id_conflict"),
    (Duplicate, 409, "duplicate"),
    (ScheduleConflict, 409, "schedule_conflict"),
    (Conflict, 409, "conflict"),
    (NotSupported, 501, "not_supported"),
    (StoreError, 503, "store_unavailable"),
)
"""The first class that fits gives status and code."""

STATUS_CODES = {404: "not_found"}


class Refused(HTTPException):
    """An answer that is not what was asked for."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        allowed: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.code, self.field, self.allowed = code, field, allowed

    def response(self) -> Response:
        """The answer."""
        error = {"code": self.code, "message": self.detail}
        if self.field is not None:
            error["field"] = self.field
        if self.allowed is not None:
            error["allowed"] = self.allowed
        return JSON({"error": error}, self.status_code, self.headers)


def refused(error: KiribiError) -> Refused:
    """A Kiribi error as an answer; options and filters by the names they have in JSON."""
    status, code = next(
        ((status, code) for kind, status, code in CODES if isinstance(error, kind)), (500, "error")
    )
    if not isinstance(error, InvalidInput):
        return Refused(status, code, str(error))
    field = WIRE_NAMES.get(error.field, error.field)
    message = f"{field}: {shown(error.value)} is not allowed; {error.allowed}"
    notes = getattr(error, "__notes__", [])
    return Refused(status, code, " ".join([message, *notes]), field=field, allowed=error.allowed)


def misfit(problems: Sequence[Mapping[str, Any]], *, quote: bool) -> Refused:
    """What pydantic found wrong with a request, its first problem in our words."""
    first = problems[0]
    context: Mapping[str, Any] = first.get("ctx") or {}
    place = [str(part) for part in first["loc"] if part != "body"]
    if "field" in context:
        place.append(str(context["field"]))
    field = ".".join(place) or "body"
    kind, value = first["type"], first.get("input")
    allowed = re.sub(r"^(Value error, )?(.)", lambda m: m[2].lower(), first["msg"])
    if kind == "missing":
        allowed = "it is required"
        message = f"{field}: {allowed}"
    elif not quote:
        message = f"{field}: {allowed}"
    else:
        message = f"{field}: {shown(context.get('value', value))} is not allowed; {allowed}"
    if len(problems) > 1:
        message += f" (and {len(problems) - 1} more)"
    return Refused(400, "invalid_input", message, field=field, allowed=allowed)


async def on_kiribi_error(_: Request, error: Exception) -> Response:
    """Answer a `KiribiError`."""
    return refused(cast("KiribiError", error)).response()


async def on_misfit(request: Request, error: Exception) -> Response:
    """Answer a request that does not fit its models."""
    problems = cast("RequestValidationError", error).errors()
    # A secret is not repeated, not even to whoever sent it
    return misfit(problems, quote=not request.url.path.endswith("/login")).response()


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Answer what the framework or a route refuses."""
    if isinstance(error, Refused):
        return error.response()
    refusal = cast("HTTPException", error)
    code = STATUS_CODES.get(refusal.status_code, "invalid_input")
    return Refused(refusal.status_code, code, refusal.detail, headers=refusal.headers).response()


async def on_failure(_: Request, __: Exception) -> Response:
    """Answer a mistake of our own, without telling what it was: that is in the server's log."""
    return Refused(
        500, "internal", "the server failed; its log says why", headers=HEADERS
    ).response()
