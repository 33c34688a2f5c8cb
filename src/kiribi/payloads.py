"""Payloads: JSON on the outside, the performer's own type inside."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, cast

from kiribi._json import encode
from kiribi.errors import InvalidApplication, InvalidPayload
from kiribi.performer import Performer

MASK = "**********"
"""What pydantic writes for a secret."""


def encoded_for(performer: type[Performer], payload: Any, limit: int) -> str:
    """Validate and encode in one go: what `enqueue` stores for a performer at hand.

    Raises:
        InvalidPayload: it does not fit, is not JSON, is too large or would not come back.
    """
    adapter = _adapter(performer)
    if adapter is None:
        return encode(payload, limit=limit)
    if adapter is dict:
        return encode(_object(performer, payload), limit=limit)
    value = _validated(performer, adapter, payload)
    try:
        plain = adapter.dump_python(
            value, mode="json", by_alias=True, round_trip=True, warnings="error"
        )
    except ValueError as error:
        raise InvalidPayload("payload", payload, f"it must be JSON ({error})") from None
    text = encode(plain, limit=limit)
    again = _from_json(performer, adapter, text)
    if MASK in text and again != value:
        raise InvalidPayload(
            "payload", payload, "a secret would be stored masked: enqueue where to find it"
        )
    return text


def fitting(performer: type[Performer], payload: Any) -> Any:
    """A stored payload as the performer's annotated type; as it is if that names none.

    Raises:
        InvalidPayload: it does not fit, naming the field within the payload.
    """
    adapter = _adapter(performer)
    if adapter is None:
        return payload
    if adapter is dict:
        return _object(performer, payload)
    return _from_json(performer, adapter, encode(payload))


def schema_of(performer: type[Performer]) -> Mapping[str, Any] | None:
    """JSON Schema of the payload; None if it is not typed.

    Raises:
        InvalidApplication: the payload's type has none.
    """
    adapter = _adapter(performer)
    if adapter is None:
        return None
    if adapter is dict:
        return {"type": "object"}
    from pydantic.errors import PydanticInvalidForJsonSchema

    try:
        return adapter.json_schema()
    except PydanticInvalidForJsonSchema as error:
        raise _unusable(performer, error) from None


def check_schema(binding: str, schema: Mapping[str, Any], payload: Any) -> None:
    """Check a payload against the schema a worker stored for `binding`.

    Raises:
        InvalidPayload: naming the field within the payload.
    """
    from jsonschema import Draft202012Validator, exceptions

    # The package's annotations are incomplete.
    validator, errors = cast("Any", Draft202012Validator(schema)), cast("Any", exceptions)
    problem = errors.best_match(validator.iter_errors(payload))
    if problem is not None:
        path = ".".join(["payload", *map(str, problem.absolute_path)])
        raise InvalidPayload(path, problem.instance, f"{binding} says: {problem.message}")


@functools.cache
def _adapter(performer: type[Performer]) -> Any:
    """A pydantic TypeAdapter; `dict` for plain objects; None where anything goes."""
    try:
        hint = _payload_type(performer)
    except NameError as error:
        raise _unusable(performer, error) from None
    if hint is Any or hint is object:
        return None
    if hint is dict or hint == dict[str, Any]:
        return dict
    from pydantic import PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(hint)
    except (PydanticUserError, NameError) as error:
        raise _unusable(performer, error) from None


def _payload_type(performer: type[Performer]) -> Any:
    hint = _payload_annotation(performer)
    if isinstance(hint, str):
        # Unlike typing.get_type_hints, this one alone: the others may be for type checkers only.
        return eval(hint, inspect.unwrap(performer.perform).__globals__)  # noqa: S307 - no input
    return Any if hint is inspect.Parameter.empty else hint


def _payload_annotation(performer: type[Performer]) -> Any:
    _, payload, *_ = inspect.signature(performer.perform).parameters.values()
    return payload.annotation


def _unusable(performer: type[Performer], error: Exception) -> InvalidApplication:
    why = str(error).partition("\n")[0]
    return InvalidApplication(
        f"{performer.__name__}.perform",
        _payload_annotation(performer),
        f"annotate the payload with a type of the module that JSON can carry ({why})",
    )


def _object(performer: type[Performer], payload: object) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise InvalidPayload("payload", payload, f"{performer.binding} takes an object")
    return cast("dict[str, Any]", payload)


def _validated(performer: type[Performer], adapter: Any, payload: Any) -> Any:
    from pydantic import ValidationError

    try:
        return adapter.validate_python(payload)
    except ValidationError as error:
        refusal = _readable(performer, error)
    if isinstance(payload, dict | list | str):
        # From JSON, a strict model takes what it does not take from Python: a date as text.
        try:
            return adapter.validate_json(encode(payload))
        except (ValidationError, InvalidPayload):
            pass
    raise refusal


def _from_json(performer: type[Performer], adapter: Any, text: str) -> Any:
    from pydantic import ValidationError

    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise _readable(performer, error) from None


def _readable(performer: type[Performer], error: Any) -> InvalidPayload:
    first = error.errors(include_url=False)[0]
    path = ".".join(["payload", *map(str, first["loc"])])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return InvalidPayload(path, first["input"], f"{performer.binding} says: {first['msg']}{more}")
