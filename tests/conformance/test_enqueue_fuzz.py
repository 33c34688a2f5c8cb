"""Whatever is given to `enqueue`: an error that names a field, or a job that reads back equal.

Through the manager, for what it lets pass is what a store has to keep as it is.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.conftest import Opener
from tests.conformance.examples import examples
from tests.conformance.world import Clock

from kiribi import (
    Exponential,
    InvalidInput,
    Job,
    JobStatus,
    Kiribi,
    Performer,
    Unique,
    new_id,
)
from kiribi.queues.local import LocalQueue


@dataclass
class Parcel:
    to: str
    grams: int
    insured: Decimal | None = None


class Ship(Performer):
    def perform(self, payload: Parcel) -> None: ...


class Anything(Performer):
    def perform(self, payload: Any) -> None: ...


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
)
strangers = st.sampled_from(
    [b"x", {1}, datetime(2030, 1, 1, tzinfo=UTC), Decimal(1), 1j, object(), int, ...]
)
values = st.recursive(
    scalars | strangers,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)
numbers = st.integers(-5, 2_000) | st.floats(-1, 4e7) | st.floats()
times = st.datetimes() | st.datetimes(
    timezones=st.timezones() | st.just(UTC), allow_imaginary=False
)
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)
good = {
    "id": st.none() | st.builds(lambda _: UUID(new_id()), st.integers()),
    "max_attempts": st.integers(1, 1_000),
    "first_delay": st.floats(0, 3e7),
    "at": st.datetimes(
        datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds it
        datetime(9990, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    "retry_delay": st.floats(0, 3e7) | st.builds(Exponential, base=st.floats(1, 1_000)),
    "timeout": st.floats(0.001, 3e7),
    "priority": st.integers(0, 9),
    "concurrency_key": keys,
    "unique": st.booleans() | st.builds(Unique, key=keys, within=st.floats(0.001, 3e7)),
}
names = st.sampled_from([*good]) | st.text(max_size=10)
options = st.fixed_dictionaries({}, optional=good) | st.dictionaries(
    names, numbers | times | scalars | values, max_size=3
)
known = st.sampled_from(["SHIP", "ANYTHING", Ship, Anything])
bindings = known | known | known | st.just("NOBODY") | values
payloads = (
    values
    | st.builds(
        Parcel,
        to=st.text(),
        grams=st.integers(-(2**70), 2**70),
        insured=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    )
    | st.fixed_dictionaries({"to": st.text(), "grams": st.integers()})
)


class Now(Clock):
    """The clock of those who make ids."""

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000


def as_json(value: Any) -> Any:
    """What JSON makes of a value that it can carry."""
    match value:
        case Parcel():
            insured = None if value.insured is None else str(value.insured)
            return {"to": value.to, "grams": value.grams, "insured": insured}
        case dict():
            return {key: as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case _:
            return value


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: 1 is neither 1.0 nor true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def test_is_refused_by_name_or_reads_back_equal(opener: Opener, runner: asyncio.Runner) -> None:
    kiribi = Kiribi(None, {})
    kiribi.bind(runner.run(opener.open(Now())), LocalQueue(None), [Ship, Anything])

    @settings(max_examples=examples(opener, 400))
    @given(binding=bindings, payload=payloads, given=options)
    def every(binding: Any, payload: Any, given: dict[str, Any]) -> None:
        runner.run(enqueued(kiribi, binding, payload, given))

    try:
        every()
    finally:
        runner.run(kiribi.close())


async def enqueued(kiribi: Kiribi, binding: Any, payload: Any, given: dict[str, Any]) -> None:
    before = (await kiribi.count()).value
    try:
        (job,) = await kiribi.enqueue_many([(binding, payload, given)])
    except InvalidInput as error:
        refusal = error
    else:
        assert (await kiribi.count()).value == before + (not job.duplicate)
        if not job.duplicate:
            read_back(job, payload, given)
            assert job == await kiribi.find(job.id)
        return
    assert (await kiribi.count()).value == before
    assert str(refusal).startswith(f"{refusal.field}: ")
    assert refusal.field
    assert refusal.allowed
    assert len(str(refusal)) < 1_000


def read_back(job: Job, payload: Any, given: dict[str, Any]) -> None:
    assert job.status is JobStatus.PENDING
    if job.binding == "ANYTHING" or isinstance(payload, Parcel):
        assert same(job.payload, as_json(payload))
    assert job.binding in ("SHIP", "ANYTHING")
    chosen = {name for name, value in given.items() if value is not None}
    assert job.options.keys() == chosen - {"id"}
    if given.get("id") is not None:
        assert UUID(job.id) == UUID(str(given["id"]))
    at, delay = given.get("at"), given.get("first_delay")
    if at is not None:
        assert timedelta(0) <= at - job.due_at < timedelta(milliseconds=1)
    elif delay is not None:
        assert math.isclose(job.due_ms - job.updated_ms, delay * 1_000, abs_tol=0.5)
    else:
        assert job.due_ms == job.updated_ms
    assert job.priority == (given.get("priority") or 0)
