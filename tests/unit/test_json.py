"""What comes back from JSON is what went in, or it does not go in."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from kiribi import InvalidPayload
from kiribi._json import MAX_DEPTH, encode


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Plain(Enum):
    ONE = 1


@dataclass
class Item:
    sku: str
    tags: dict[Any, int] = field(default_factory=dict)


class Order(BaseModel):
    items: list[Item]
    at: datetime


Point = namedtuple("Point", "x y")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (None, None),
        ({}, {}),
        ("", ""),
        ((1, 2), [1, 2]),
        (Point(1, 2), [1, 2]),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Item("a", {"x": 1}), {"sku": "a", "tags": {"x": 1}}),
        ({"deep": [Item("a")]}, {"deep": [{"sku": "a", "tags": {}}]}),
        (
            Order(items=[Item("a")], at=datetime(2030, 1, 1, tzinfo=UTC)),
            {"items": [{"sku": "a", "tags": {}}], "at": "2030-01-01T00:00:00Z"},
        ),
        (2**100, 2**100),
        (-0.0, -0.0),
        (1e308, 1e308),
        ("\0 \x7f ￿ 🙂", "\0 \x7f ￿ 🙂"),
        (nested(MAX_DEPTH), nested(MAX_DEPTH)),
    ],
)
def test_encodes(value: Any, back: Any) -> None:
    assert json.loads(encode(value)) == back


def endless() -> Any:
    value: list[Any] = []
    value += [value, value]
    return value


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        ({1: "a"}, "payload", "payload: 1 is not allowed; the keys of an object are text"),
        ({"a": [{None: 1}]}, "payload.a.0", "the keys of an object are text"),
        ({"a": {True: 1}}, "payload.a", "the keys of an object are text"),
        (Item("a", {3: 1}), "payload.tags", "the keys of an object are text"),
        ({"a": math.nan}, "payload.a", "JSON has neither NaN nor Infinity"),
        ([1.0, -math.inf], "payload.1", "JSON has neither NaN nor Infinity"),
        ({"when": datetime(2030, 1, 1, tzinfo=UTC)}, "payload.when", "datetime is not JSON"),
        ({"a": {1, 2}}, "payload.a", "set is not JSON: give text, numbers, true, false, null"),
        (b"bytes", "payload", "bytes is not JSON"),
        (Decimal("1.5"), "payload", "Decimal is not JSON"),
        (Plain.ONE, "payload", "Plain is not JSON"),
        (object(), "payload", "object is not JSON"),
        (Item, "payload", "type is not JSON"),
        (Order, "payload", "is not JSON"),
        (Mock(), "payload", "Mock is not JSON"),
        ({"a": "\ud800"}, "payload.a", "half a surrogate pair is no character"),
        ({"\udfff": 1}, "payload", "half a surrogate pair is no character"),
        (nested(MAX_DEPTH + 1), "payload", "nest at most 100 lists and objects"),
        (endless(), "payload", "nest at most 100 lists and objects"),
        ([10**5000], "payload", "it must be JSON (Exceeds the limit"),
    ],
)
def test_refuses_and_names_the_place(value: Any, place: str, message: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        encode(value)
    assert refusal.value.field == place
    assert message in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_measures_bytes_not_characters() -> None:
    assert encode("äöü", limit=8) == '"äöü"'
    with pytest.raises(InvalidPayload) as refusal:
        encode("äöü", limit=7)
    assert str(refusal.value) == (
        "payload: '8 bytes of JSON' is not allowed; this store takes at most 7 bytes"
    )


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain)
def test_whatever_is_json_comes_back(value: Any) -> None:
    assert json.loads(encode(value)) == value
