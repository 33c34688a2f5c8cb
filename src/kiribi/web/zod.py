"""What npm kiribi's schema of a new job refuses, in zod's words.

Options that npm does not know, and we do, are taken as everywhere else: left out like other unknown
names, `unique` or `after` would be promised and not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from kiribi.errors import InvalidInput
from kiribi.web.asked import Params
from kiribi.web.body import parsed
from kiribi.web.errors import Refused, misfit
from kiribi.web.response import JSON
from kiribi.web.wire import OPTIONS, WIRE_NAMES, options

NPM = ("maxRetries", "retryDelay", "firstDelay")
"""The options that npm knows."""
OWN = frozenset(OPTIONS.values()).difference(NPM)

Path = tuple[str, ...]


class Issues(Exception):
    """All that is wrong with a request."""

    def __init__(self) -> None:
        super().__init__()
        self._issues: list[dict[str, Any]] = []

    def add(self, path: Path, code: str, message: str) -> None:
        """One more."""
        self._issues.append({"code": code, "path": list(path), "message": message})

    def check(self) -> None:
        """Raise itself if there are any."""
        if self._issues:
            raise self

    def response(self) -> JSON:
        """The answer."""
        error = {"name": "ZodError", "issues": self._issues}
        return JSON({"success": False, "error": error}, 400)


def new_job(body: bytes) -> tuple[str, Any, Mapping[str, Any]]:
    """Binding, payload and options of a request; unknown names are left out.

    Raises:
        Issues: it does not fit.
    """
    issues = Issues()
    try:
        given = parsed(body)
    except Refused as refused:
        issues.add((), "custom", str(refused.detail))
        raise issues from None
    if not isinstance(given, dict):
        issues.add((), "invalid_type", f"Expected object, received {_kind(given)}")
        raise issues
    job = cast("dict[str, Any]", given)
    binding = _text(issues, job, "binding", "String must contain at least 1 character(s)")
    text = _text(issues, job, "payload", "Payload must be at least 1 character long")
    payload = None
    if text is not None:
        try:
            payload = parsed(text.encode())
        except Refused:
            issues.add(("payload",), "custom", "Payload must be a valid JSON string")
    params = _params(issues, job.get("params", {}))
    issues.check()
    return cast("str", binding), payload, params


def issues_of(error: InvalidInput) -> Issues:
    """What Kiribi refused, in zod's shape."""
    issues = Issues()
    field = WIRE_NAMES.get(error.field, error.field)
    path = ("payload",) if field.startswith("payload") else tuple(field.split("."))
    issues.add(path, "custom", str(error))
    return issues


def _params(issues: Issues, given: object) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        issues.add(("params",), "invalid_type", f"Expected object, received {_kind(given)}")
        return {}
    params = cast("dict[str, Any]", given)
    found: dict[str, Any] = {}
    for name, least in (("maxRetries", 1), ("firstDelay", 0)):
        if name in params and _number(issues, ("params", name), params[name], least):
            found[name] = params[name]
    if "retryDelay" in params:
        if _is_retry_delay(params["retryDelay"]):
            found["retryDelay"] = _retry_delay(params["retryDelay"])
        else:
            issues.add(("params", "retryDelay"), "invalid_union", "Invalid input")
    return {**options(found), **_own(issues, params)}


def _own(issues: Issues, params: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        asked = {name: value for name, value in params.items() if name in OWN}
        return Params.model_validate(asked).options()
    except ValidationError as error:
        refused = misfit(cast("list[dict[str, Any]]", error.errors()), quote=True)
        path = (refused.field or "").split(".")
        issues.add(("params", *path), "custom", f"params.{refused.detail}")
        return {}


def _retry_delay(given: Any) -> Any:
    """Ours; without growth the base is the delay."""
    if not isinstance(given, dict):
        return given
    base = cast("dict[str, Any]", given)["base"]
    return {"exponential": True, "base": base} if given["exponential"] else base


def _text(issues: Issues, job: Mapping[str, Any], name: str, empty: str) -> str | None:
    value = job.get(name)
    if not isinstance(value, str):
        missing = name not in job
        message = "Required" if missing else f"Expected string, received {_kind(value)}"
        issues.add((name,), "invalid_type", message)
        return None
    if not value:
        issues.add((name,), "too_small", empty)
    return value


def _number(issues: Issues, path: Path, value: object, least: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        issues.add(path, "invalid_type", f"Expected number, received {_kind(value)}")
    elif value < least:
        issues.add(path, "too_small", f"Number must be greater than or equal to {least}")
    else:
        return True
    return False


def _is_retry_delay(value: object) -> bool:
    if isinstance(value, dict):
        delay = cast("dict[str, object]", value)
        return isinstance(delay.get("exponential"), bool) and _is_least(delay.get("base"), 2)
    return _is_least(value, 0)


def _is_least(value: object, least: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= least


def _kind(value: object) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (bool, "boolean"),
        (int | float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")
