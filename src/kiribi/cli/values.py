"""From words on a command line to values: durations, times, payloads. Pure but for reading."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from kiribi.backoff import Exponential, RetryDelay
from kiribi.errors import InvalidInput, InvalidPayload
from kiribi.options import CHECKS, AfterFailed

T = TypeVar("T")
UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
DURATION = "give a duration such as 30, 10s, 5m, 2h or 7d"
TIME = "give a duration back from now such as 2h, or a time such as 2026-09-01T12:00 (local time)"


def given(parse: Callable[[str, str], T], option: str, text: str | None) -> T | None:
    """`parse(option, text)` of an option that was given."""
    return None if text is None else parse(option, text)


def whole(option: str, text: str) -> int:
    """A whole number.

    Raises:
        InvalidInput: naming the option.
    """
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(option, text, "give a whole number") from None


def id(option: str, text: str) -> str:
    """The id of a job.

    Raises:
        InvalidInput: naming the option.
    """
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidInput(option, text, "give the id of a job") from None


def seconds(option: str, text: str) -> float:
    """A duration: `30` and `30s` are seconds, `5m`, `2h`, `7d`, `1w`.

    Raises:
        InvalidInput: naming the option.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhdw]?)", text.strip().lower())
    if match is None:
        raise InvalidInput(option, text, DURATION)
    return float(match[1]) * UNITS[match[2]]


def moment(option: str, text: str) -> datetime:
    """An ISO 8601 time; local unless it names a zone.

    Raises:
        InvalidInput: naming the option.
    """
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(
            option, text, "give a time such as 2026-09-01T12:00 or 2026-09-01T12:00Z"
        ) from None


def past(option: str, text: str) -> datetime:
    """A time, or a duration back from now.

    Raises:
        InvalidInput: naming the option.
    """
    try:
        return datetime.now(UTC) - timedelta(seconds=seconds(option, text))
    except (InvalidInput, OverflowError):
        pass
    try:
        return moment(option, text)
    except InvalidInput:
        raise InvalidInput(option, text, TIME) from None


def retry_delay(option: str, text: str) -> RetryDelay:
    """A duration, or `exponential[:BASE[:CAP]]` with CAP a duration.

    Raises:
        InvalidInput: naming the option.
    """
    kind, *rest = text.strip().lower().split(":")
    if kind != "exponential":
        return seconds(option, text)
    if len(rest) > 2:
        raise InvalidInput(option, text, "give exponential:BASE:CAP, such as exponential:2:1h")
    base = seconds(option, rest[0]) if rest else Exponential().base
    return Exponential(base, seconds(option, rest[1]) if len(rest) > 1 else Exponential().cap)


def after_failed(option: str, text: str) -> AfterFailed:
    """What becomes of a job whose predecessor fails.

    Raises:
        InvalidInput: naming the option.
    """
    checked: AfterFailed = CHECKS["after_failed"](option, text)
    return checked


def payload(text: str | None) -> Any:
    """JSON text, `@file` or `-` for stdin; None is null.

    Raises:
        InvalidPayload: it cannot be read, or is not JSON.
    """
    if text is None:
        return None
    if text == "-":
        source, given = "PAYLOAD from stdin", sys.stdin.read()
    elif text.startswith("@"):
        source, given = f"PAYLOAD from {text[1:]}", _read(text)
    else:
        source, given = "PAYLOAD", text
    try:
        return json.loads(given, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload(source, given, f"give JSON ({error})") from None


def fields(option: str, words: list[str]) -> dict[str, Any]:
    """`user.id=42` words as a payload filter; a value that is no JSON is a text.

    Raises:
        InvalidInput: naming the option.
    """
    found: dict[str, Any] = {}
    for word in words:
        path, sign, value = word.partition("=")
        if not path or not sign:
            raise InvalidInput(option, word, "give PATH=VALUE, such as user.id=42")
        try:
            found[path] = json.loads(value, parse_constant=_no_constant)
        except ValueError:
            found[path] = value
    return found


def _read(text: str) -> str:
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidPayload("PAYLOAD", text, f"give a readable file ({why})") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
