"""The options of `enqueue`: what each takes, and how it is stored."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kiribi import EnqueueOptions, Exponential, InvalidInput, new_id
from kiribi.errors import YEAR
from kiribi.job import epoch_ms, id_ms, is_id, utc
from kiribi.options import CHECKS

ID = "01920000-0000-7000-8000-000000000000"
AT = datetime(2030, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({}, {}),
        ({"id": ID}, {}),
        ({"max_attempts": 1}, {"max_attempts": 1}),
        ({"max_attempts": 1_000}, {"max_attempts": 1_000}),
        ({"first_delay": 0}, {"first_delay": 0}),
        ({"first_delay": YEAR}, {"first_delay": YEAR}),
        ({"at": AT}, {"at": 1_903_867_200_000}),
        ({"at": AT.astimezone(timezone(timedelta(hours=9)))}, {"at": 1_903_867_200_000}),
        ({"retry_delay": 5}, {"retry_delay": 5}),
        (
            {"retry_delay": Exponential(3, 60)},
            {"retry_delay": {"exponential": True, "base": 3, "cap": 60}},
        ),
        (
            {"retry_delay": {"exponential": True}},
            {"retry_delay": {"exponential": True, "base": 2, "cap": 3600}},
        ),
        ({"timeout": 0.5}, {"timeout": 0.5}),
        ({"priority": 0}, {"priority": 0}),
        ({"priority": 9}, {"priority": 9}),
        (dict.fromkeys(CHECKS), {}),
        ({"at": None, "first_delay": 3}, {"first_delay": 3}),
    ],
)
def test_stores_what_was_chosen(given: dict[str, Any], stored: dict[str, Any]) -> None:
    assert EnqueueOptions.parse(given).stored() == stored


def test_what_is_stored_parses_to_the_same_policy() -> None:
    chosen = EnqueueOptions.parse({"retry_delay": Exponential(3, 60)})
    assert EnqueueOptions.parse({"retry_delay": chosen.stored()["retry_delay"]}) == chosen


@pytest.mark.parametrize("id", [ID, ID.upper(), ID.replace("-", ""), uuid.UUID(ID)])
def test_an_id_is_stored_in_one_form(id: object) -> None:
    assert EnqueueOptions.parse({"id": id}).id == ID


def test_a_naive_datetime_names_the_zone() -> None:
    with pytest.raises(InvalidInput, match="give a datetime with a time zone"):
        EnqueueOptions.parse({"at": datetime(2030, 1, 1)})  # noqa: DTZ001 - that is the mistake


def test_ids_are_uuid7_in_order_of_time() -> None:
    ids = [new_id(ms) for ms in (0, 1, 1_900_000_000_000, (1 << 48) - 1)]
    assert ids == sorted(ids)
    assert [id_ms(id) for id in ids] == [0, 1, 1_900_000_000_000, (1 << 48) - 1]
    assert {uuid.UUID(id).version for id in ids} == {7}
    assert {uuid.UUID(id).variant for id in ids} == {uuid.RFC_4122}
    assert all(map(is_id, ids))


def test_an_id_has_the_fraction_of_its_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[str] = []
    for ns in (7_500_000, 7_999_999, 8_000_000):
        monkeypatch.setattr("time.time_ns", lambda ns=ns: ns)
        ids.append(new_id())
    assert [(id_ms(id), id[14:18]) for id in ids] == [(7, "7800"), (7, "7fff"), (8, "7000")]


@pytest.mark.parametrize("ms", [None, 5])
def test_ids_of_one_process_are_in_the_order_of_making(ms: int | None) -> None:
    ids = [new_id(ms) for _ in range(10_000)]
    assert ids == sorted(set(ids))


def test_times_come_back_to_the_millisecond() -> None:
    for ms in (0, 1, 1_903_867_200_123, 253_402_300_799_999):
        assert epoch_ms(utc(ms)) == ms
    assert utc((1 << 48) - 1).year == 9999
