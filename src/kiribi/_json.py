"""JSON text that comes back as it went in, or an error that says where it would not."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any, cast

from kiribi.errors import InvalidPayload

MAX_DEPTH = 100
"""Lists and objects within each other: what every database and language reads back."""
ALLOWED = "give text, numbers, true, false, null, lists and objects"


def encode(value: Any, *, field: str = "payload", limit: int | None = None) -> str:
    """`value` as compact JSON text; dataclasses and pydantic models count as their fields.

    Tuples count as lists. What JSON would change without a word (keys that are no text, NaN) is
    refused.

    Args:
        field: names the value in errors.
        limit: the most bytes of UTF-8 it may have.

    Raises:
        InvalidPayload: not JSON, nested deeper than 100, or longer than `limit`.
    """
    try:
        _check(value, 0)
        text = _ENCODER.encode(value)
    except _Misfit as misfit:
        path = misfit.path if len(misfit.path) < MAX_DEPTH else []
        raise InvalidPayload(
            ".".join([field, *reversed(path)]), misfit.value, misfit.allowed
        ) from None
    except ValueError as error:  # a number too long for text, a model that cannot be dumped
        raise InvalidPayload(field, value, f"it must be JSON ({error})") from None
    size = len(text) if text.isascii() else len(text.encode())
    if limit is not None and size > limit:
        raise InvalidPayload(
            field, f"{size:,} bytes of JSON", f"this store takes at most {limit:,} bytes"
        )
    return text


class _Misfit(Exception):
    """A value that JSON cannot carry; `path` leads to it, from its end."""

    def __init__(self, value: object, allowed: str) -> None:
        self.value = value
        self.allowed = allowed
        self.path: list[str] = []


def _check(value: object, depth: int) -> None:
    """Raise for what the encoder would change, or refuse without saying where."""
    if value is None or isinstance(value, int):
        return
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _Misfit(value, "JSON has neither NaN nor Infinity")
    elif isinstance(value, dict):
        for key, item in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                raise _Misfit(key, "the keys of an object are text")
            _check_text(key)
            _check_item(key, item, depth)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("list[object]", value)):
            _check_item(index, item, depth)
    else:
        _check(_plain(value), depth)


def _check_item(place: object, item: object, depth: int) -> None:
    if depth == MAX_DEPTH:
        raise _Misfit(item, f"nest at most {MAX_DEPTH} lists and objects")
    try:
        _check(item, depth + 1)
    except _Misfit as misfit:
        misfit.path.append(str(place))
        raise


def _check_text(value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Misfit(value, "half a surrogate pair is no character") from None


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(type(value), "model_dump"):
        return cast("Any", value).model_dump(mode="json")
    raise _Misfit(value, f"{type(value).__name__} is not JSON: {ALLOWED}")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), default=_plain
)
