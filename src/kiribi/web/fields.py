"""Values in requests, checked by the same functions as in Python, with their JSON schemas."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictInt,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from kiribi import options, search
from kiribi.errors import YEAR, InvalidInput
from kiribi.job import JobStatus

Schema = dict[str, Any]
YEARS = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-"
"""Of the times that Kiribi takes: 1970 to 9998."""


class Asked(BaseModel):
    """A JSON object in a request: names in camelCase, unknown ones are refused."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def known(cls, given: Any) -> Any:
        """Name the first unknown field, and the known ones."""
        if isinstance(given, dict):
            known = [str(field.alias) for field in cls.model_fields.values()]
            for name in cast("dict[str, Any]", given):
                if name not in known:
                    raise misfit(
                        name, name, f"there is no such field; known are {', '.join(known)}"
                    )
        return cast("Any", given)


def misfit(field: str | None, value: object, allowed: str) -> PydanticCustomError:
    """An error of validation in Kiribi's own words; `field` is below the validated one."""
    context = {"allowed": allowed, "value": value, **({"field": field} if field else {})}
    return PydanticCustomError("invalid_input", "{allowed}", context)


def whole(value: object) -> object:
    """1.0 is the same number as 1, in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[StrictInt, BeforeValidator(whole)]


def option(name: str, schema: Schema) -> Any:
    """A value that `EnqueueOptions` checks; null means that it was not given."""
    return checked(name, options.CHECKS[name], schema)


def condition(name: str, schema: Schema) -> Any:
    """A value that `JobFilter` checks; null means that there is no such condition."""
    return checked(f"filter.{name}", search.CHECKS[name][1], schema)


def time(check: Callable[[str, object], Any], name: str) -> Any:
    """An ISO 8601 time with a zone, checked further by `check`."""
    allowed = "give an ISO 8601 time with a zone, such as 2026-09-01T12:00:00Z"

    def parsed(field: str, value: object) -> Any:
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise InvalidInput(field, value, allowed)
        try:
            return check(field, moment)
        except InvalidInput as error:
            raise InvalidInput(field, value, error.allowed) from None

    return checked(name, parsed, {"type": "string", "format": "date-time", "pattern": YEARS})


def checked(name: str, check: Callable[[str, object], Any], schema: Schema) -> Any:
    """A value that `check` checks, given `name`; null means that it was not given."""

    def validated(value: object) -> Any:
        if value is None:
            return None
        if value == []:
            raise misfit(None, value, "give at least one, or leave it out")
        try:
            return check(name, whole(value))
        except InvalidInput as error:
            below = error.field.removeprefix(name).lstrip(".")
            raise misfit(below or None, error.value, error.allowed) from None

    return (AfterValidator(validated), WithJsonSchema({"anyOf": [schema, {"type": "null"}]}))


SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": YEAR}
RETRY_DELAY: Schema = {
    "oneOf": [
        SECONDS,
        {
            "type": "object",
            "properties": {
                "exponential": {"const": True},
                "base": {"type": "number", "minimum": 1, "maximum": 1000, "default": 2},
                "cap": {**SECONDS, "default": 3600},
            },
            "additionalProperties": False,
        },
    ]
}
STATUS: Schema = {"type": "string", "enum": list(JobStatus)}


def texts(item: Schema) -> Schema:
    """One text or several."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1, "maxItems": 1000}]}
