"""Filters as users write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from kiribi import InvalidInput, JobFilter, JobStatus

AT = datetime(2030, 1, 1, tzinfo=UTC)
AT_MS = 1_893_456_000_000


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        (None, JobFilter()),
        ({}, JobFilter()),
        ({"binding": None, "ids": None}, JobFilter()),
        ({"binding": "A"}, JobFilter(bindings=("A",))),
        ({"binding": ["A", "B"]}, JobFilter(bindings=("A", "B"))),
        ({"status": "FAILED"}, JobFilter(statuses=(JobStatus.FAILED,))),
        ({"status": {JobStatus.FAILED}}, JobFilter(statuses=(JobStatus.FAILED,))),
        ({"created_after": AT}, JobFilter(created_after_ms=AT_MS)),
        ({"created_before": AT_MS}, JobFilter(created_before_ms=AT_MS)),
        ({"payload": {"user.id": 42}}, JobFilter(payload={"user.id": 42})),
        ({"payload": {"items[0].sku": None}}, JobFilter(payload={"items[0].sku": None})),
        ({"error": "no route"}, JobFilter(error="no route")),
        ({"ids": "x"}, JobFilter(ids=("x",))),
        (JobFilter(error="x"), JobFilter(error="x")),
    ],
)
def test_parses(given: Any, parsed: JobFilter) -> None:
    assert JobFilter.parse(given) == parsed


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ("FAILED", "filter", "give a mapping with any of binding"),
        ({"statuss": "FAILED"}, "filter", "did you mean 'status'?"),
        ({3: 1}, "filter", "known are binding"),
        ({"status": "DONE"}, "filter.status", "known are PENDING"),
        ({"status": "FAILD"}, "filter.status", "did you mean 'FAILED'?"),
        ({"status": []}, "filter.status", "give a text or 1 to 1,000 of them"),
        ({"ids": []}, "filter.ids", "give a text or 1 to 1,000 of them"),
        ({"ids": ()}, "filter.ids", "give a text or 1 to 1,000 of them"),
        ({"ids": ["x"] * 1_001}, "filter.ids", "give a text or 1 to 1,000 of them"),
        ({"ids": [3]}, "filter.ids", "give texts"),
        ({"binding": {"A": 1}}, "filter.binding", "give a text or 1 to 1,000 of them"),
        ({"binding": b"A"}, "filter.binding", "give texts"),
        ({"created_after": datetime(2030, 1, 1)}, "filter.created_after", "time zone"),  # noqa: DTZ001
        ({"created_after": -1}, "filter.created_after", "time zone, or epoch milliseconds"),
        ({"created_after": True}, "filter.created_after", "time zone, or epoch milliseconds"),
        ({"created_before": "2030"}, "filter.created_before", "epoch milliseconds"),
        ({"payload": 3}, "filter.payload", "give an object of paths"),
        ({"payload": {"a..b": 1}}, "filter.payload", "give names joined by dots"),
        ({"payload": {"": 1}}, "filter.payload", "give names joined by dots"),
        ({"payload": {1: 1}}, "filter.payload", "give names joined by dots"),
        ({"payload": {"a": [1]}}, "filter.payload.a", "give a text, a number"),
        ({"payload": {"a": math.nan}}, "filter.payload.a", "give a text, a number"),
        ({"payload": {"a": 1 << 63}}, "filter.payload.a", "fits in 64 bits"),
        ({"error": ""}, "filter.error", "give a text of 1 to 1,000 characters"),
        ({"error": "x" * 1_001}, "filter.error", "give a text of 1 to 1,000 characters"),
        ({"error": 3}, "filter.error", "give a text of 1 to 1,000 characters"),
    ],
)
def test_refuses(given: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        JobFilter.parse(given)
    assert refusal.value.field == field
    assert message in str(refusal.value)


def test_a_filter_built_by_hand_is_checked_too() -> None:
    with pytest.raises(InvalidInput, match=r"filter\.status"):
        JobFilter(statuses=("DONE",))  # pyright: ignore
    assert JobFilter(bindings="SEND_MAIL").bindings == ("SEND_MAIL",)  # pyright: ignore


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({}, True),
        ({"binding": "A", "status": "FAILED"}, True),
        ({"error": "x"}, False),
        ({"payload": {"a": 1}}, False),
        ({"ids": "x"}, False),
        ({"created_after": AT_MS}, False),
        ({"created_before": AT_MS}, False),
    ],
)
def test_knows_what_the_counters_can_answer(given: dict[str, Any], counted: bool) -> None:
    assert JobFilter.parse(given).counted is counted
