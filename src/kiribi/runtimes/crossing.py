"""What crosses between Workers: arguments by the names of either language, answers as plain data.

Options come by npm's or Python's names (`maxRetries` or `max_attempts`); what is answered has
npm's names, times as datetimes: the platform makes them the caller's (a `Date` in JavaScript).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from kiribi.errors import InvalidInput, unknown_name
from kiribi.job import Job
from kiribi.web import wire

PARAMS = {wire_name: name for name, wire_name in wire.OPTIONS.items()}
UNIQUE = {wire_name: name for name, wire_name in wire.UNIQUE.items()}
FILTERS = {wire_name: name for name, wire_name in wire.FILTER.items()}
TIMES = (
    *("createdAt", "updatedAt", "dueAt", "startedAt", "finishedAt", "completedAt", "tick"),
    *("since", "firstAt", "lastAt", "lastSeenAt", "nextAt", "lastTickAt", "at"),
    *("until", "heldUntil"),
    *wire.FILTER.values(),
)
"""What is answered as a time, by its name."""


def options(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of `enqueue` by their Python names.

    Raises:
        InvalidInput: they are no mapping.
    """
    if params is None:
        return {}
    if not isinstance(cast("object", params), Mapping):
        raise InvalidInput("params", params, "give an object of options, or leave it out")
    given = {PARAMS.get(name, name): aware(value) for name, value in params.items()}
    if isinstance(rule := given.get("unique"), Mapping):
        parts = cast("Mapping[str, Any]", rule).items()
        given["unique"] = {UNIQUE.get(name, name): value for name, value in parts}
    return given


def job_of(field: str, given: object) -> tuple[Any, Any, dict[str, Any]]:
    """`[binding, payload, params]` as `enqueue_many` takes it.

    Raises:
        InvalidInput: it is none of these; `field` says where it is.
    """
    parts = list(cast("Sequence[Any]", given)) if isinstance(given, list | tuple) else []
    if not 1 <= len(parts) <= 3:
        raise InvalidInput(field, cast("object", given), "give [binding, payload, params] of each")
    binding, payload, params = [*parts, None, None][:3]
    return binding, arrived(payload), options(params)


def filter_of(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A filter by its Python names; what is an empty list, or absent, is not asked for."""
    if given is None:
        return None
    return {FILTERS.get(name, name): aware(value) for name, value in given.items() if value != []}


def parts(what: str, asked: object, names: Sequence[str]) -> Mapping[str, Any]:
    """What is asked for, by name; nothing is nothing.

    Raises:
        InvalidInput: it is no mapping, or has other names.
    """
    if asked is None:
        return {}
    if not isinstance(asked, Mapping):
        raise InvalidInput(what, asked, f"give an object with any of {', '.join(names)}")
    given = cast("Mapping[str, Any]", asked)
    for name in given:
        if name not in names:
            raise unknown_name(what, name, names)
    return given


def aware(value: Any) -> Any:
    """A `Date` of JavaScript arrives as a datetime without a zone: it means UTC."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and not value.tzinfo else value


def arrived(payload: Any) -> Any:
    """A payload as JavaScript's JSON has it: a `Date` is a text."""
    if isinstance(payload, datetime):
        text = payload.replace(tzinfo=None).isoformat(timespec="milliseconds")
        return f"{text}Z" if payload.tzinfo in (None, UTC) else payload
    if isinstance(payload, Mapping):
        items = cast("Mapping[Any, Any]", payload).items()
        return {key: arrived(value) for key, value in items}
    if isinstance(payload, list | tuple):
        return [arrived(value) for value in cast("Sequence[Any]", payload)]
    return payload


def plain(value: Any) -> Any:
    """Data that may cross: no tuples, no enumerations."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in cast("Sequence[Any]", value)]
    return value


def dated(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What `wire` makes of something, as plain data with times."""
    times = {
        name: shown[name] and datetime.fromisoformat(shown[name]) for name in TIMES if name in shown
    }
    return {**plain(shown), **times}


def listed(job: Job) -> dict[str, Any]:
    """A job as in lists."""
    return dated(wire.listed(job, whole))


def detailed(job: Job) -> dict[str, Any]:
    """A job with its options, attempts and return value."""
    return dated(wire.detailed(job, whole))


def whole(_: str, payload: Any) -> Any:
    """Other Workers see payloads as they are: `redact` is for people."""
    return payload
