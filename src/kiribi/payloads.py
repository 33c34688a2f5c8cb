"""Payloads and return values: JSON on the outside, the performer's own types inside."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any, cast, get_type_hints

from kiribi.errors import InvalidPayload, shown
from kiribi.performer import Performer


def encode(value: Any, *, field: str = "payload", limit: int | None = None) -> str:
    """`value` as compact JSON text; dataclasses and pydantic models count as their fields.

    Args:
        field: names the value in errors.
        limit: the most bytes of UTF-8 it may have.

    Raises:
        InvalidPayload: not JSON, or longer than `limit`.
    """
    try:
        text = _ENCODER.encode(value)
        size = len(text) if text.isascii() else len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidPayload(field, value, f"it must be JSON ({error})") from None
    if limit is not None and size > limit:
        raise InvalidPayload(
            field, f"{size:,} bytes of JSON", f"this store takes at most {limit:,} bytes"
        )
    return text


def fitting(performer: type[Performer], payload: Any) -> Any:
    """`payload` as the performer's annotated type, validated; unannotated ones pass as they are.

    Raises:
        InvalidPayload: naming the field within the payload.
    """
    adapter = _adapter(performer)
    if adapter is None:
        return payload
    if adapter is dict:
        if not isinstance(payload, dict):
            raise InvalidPayload("payload", payload, f"{performer.binding} takes an object")
        return cast("dict[str, Any]", payload)
    from pydantic import ValidationError

    try:
        return adapter.validate_python(payload)
    except ValidationError as error:
        raise _readable(performer.binding, error) from None


def encoded_for(performer: type[Performer], payload: Any, limit: int) -> str:
    """Validate and encode in one go: what `enqueue` stores for a performer at hand.

    Raises:
        InvalidPayload: it does not fit, is not JSON or too large.
    """
    adapter = _adapter(performer)
    value = fitting(performer, payload)
    if adapter is not None and adapter is not dict:
        value = adapter.dump_python(value, mode="json")
    return encode(value, limit=limit)


def schema_of(performer: type[Performer]) -> Mapping[str, Any] | None:
    """JSON Schema of the payload; None if it is not typed."""
    adapter = _adapter(performer)
    if adapter is None:
        return None
    return {"type": "object"} if adapter is dict else adapter.json_schema()


def check_schema(binding: str, schema: Mapping[str, Any], payload: Any) -> None:
    """Check a payload against the schema a worker stored for `binding`.

    Raises:
        InvalidPayload: naming the field within the payload.
    """
    import jsonschema

    # The package's annotations are incomplete.
    validator: Any = jsonschema.Draft202012Validator(schema)
    best: Any = jsonschema.exceptions.best_match  # pyright: ignore[reportUnknownMemberType]
    problem: Any = best(validator.iter_errors(payload))
    if problem is not None:
        path = ".".join(["payload", *map(str, problem.absolute_path)])
        raise InvalidPayload(path, problem.instance, f"{binding} says: {problem.message}")


@functools.cache
def _adapter(performer: type[Performer]) -> Any:
    """A pydantic TypeAdapter; `dict` for plain objects; None where anything goes."""
    hints = get_type_hints(performer.perform)
    hints.pop("return", None)
    hint = next(iter(hints.values()), Any)
    if hint is Any or hint is object:
        return None
    if hint is dict or hint == dict[str, Any]:
        return dict
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


def _readable(binding: str, error: Any) -> InvalidPayload:
    first = error.errors(include_url=False)[0]
    path = ".".join(["payload", *map(str, first["loc"])])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return InvalidPayload(path, first["input"], f"{binding} says: {first['msg']}{more}")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    dump: Any = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    raise TypeError(f"{shown(value)} of type {type(value).__name__} is not JSON")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
)
