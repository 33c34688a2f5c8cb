"""Searching, paging and counting, against a model that looks at every job."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.conftest import Open, Opener
from tests.conformance.examples import examples
from tests.conformance.world import START, Clock, World

from kiribi import lifecycle
from kiribi.job import Job, JobError, JobStatus
from kiribi.search import WINDOW, Count, JobFilter
from kiribi.stores._search import ENDED_WALKED, WALKED

PAYLOADS: list[Any] = [
    None,
    5,
    {"user": {"id": 1, "name": "Ann"}, "tags": ["a", "b"]},
    {"user": {"id": "1", "name": None}, "tags": []},
    {"user": {"id": 1.0}, "ok": True, "é x": 1},
    {"user": {"id": 2, "name": "Ann"}, "ok": 1, "long": "y" * 2_000},
]
ERRORS = ["timed out", "Connection REFUSED", "100% of 'quotes'"]
SETTLED = [None, "waiting", "running", "completed", "failed", "cancelled", "retry"]


async def settle(world: World, job: Job, fate: str | None, error: str) -> None:
    boom = JobError("ValueError", error, "Traceback with timed out in it")
    match fate:
        case None | "waiting":
            return
        case "cancelled":
            await world.store.apply([lifecycle.cancel(job)])
            return
        case _:
            pass
    (job,) = await world.store.claim("w1", [job.binding], 1, ids=[job.id])
    match fate:
        case "completed":
            await world.store.apply([lifecycle.complete(job, 1)])
        case "failed":
            await world.store.apply([lifecycle.fail(job, boom, max_attempts=1, delay=0)])
        case "retry":
            await world.store.apply([lifecycle.fail(job, boom, max_attempts=9, delay=9)])
        case _:
            pass


def at_path(payload: Any, path: str) -> tuple[Any, ...]:
    for key in path.replace("[", ".[").split("."):
        try:
            payload = payload[int(key[1:-1])] if key.startswith("[") else payload[key]
        except (KeyError, IndexError, TypeError):
            return ()
    return (payload,)


def same(value: Any, wanted: Any) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def matches(job: Job, filter: JobFilter, payload: Any) -> bool:
    text = f"{job.error.type}: {job.error.message}".lower() if job.error else None
    return (
        (not filter.bindings or job.binding in filter.bindings)
        and (not filter.statuses or job.status in filter.statuses)
        and (filter.created_after_ms is None or job.created_ms >= filter.created_after_ms)
        and (filter.created_before_ms is None or job.created_ms < filter.created_before_ms)
        and (not filter.ids or job.id in filter.ids)
        and (not filter.error or (text is not None and filter.error.lower() in text))
        and all(
            any(same(value, wanted) for value in at_path(payload, path))
            for path, wanted in filter.payload.items()
        )
    )


times = st.none() | st.integers(START - 1, START + 30)
fields: st.SearchStrategy[Mapping[str, Any]] = st.dictionaries(
    st.sampled_from(["user.id", "user.name", "tags[0]", "ok", "é x", "nothing"]),
    st.sampled_from([1, 2, "1", "Ann", None, True, 1.0, "a"]),
    max_size=2,
)
statuses = st.one_of(
    st.just(()),
    st.sampled_from([(status,) for status in JobStatus]),
    st.just((JobStatus.FAILED, JobStatus.CANCELLED)),
    st.just((JobStatus.PENDING, JobStatus.RETRY_PENDING, JobStatus.PROCESSING)),
    st.lists(st.sampled_from(JobStatus), max_size=3, unique=True).map(tuple),
)
filters = st.builds(
    dict,
    bindings=st.lists(st.sampled_from(["A", "B", "X"]), max_size=2, unique=True).map(tuple),
    statuses=statuses,
    created_after_ms=times,
    created_before_ms=times,
    payload=st.just({}) | fields,
    error=st.none() | st.sampled_from(["timed", "refused", "VALUEERROR: ", "%", "'", "traceback"]),
    picks=st.just(()) | st.lists(st.integers(0, 30), max_size=4),
)
job = st.tuples(
    st.sampled_from(["A", "B"]),
    st.sampled_from(PAYLOADS),
    st.sampled_from(SETTLED),
    st.sampled_from(ERRORS),
    st.integers(0, 2),
)


def test_pages_and_counts_are_those_of_the_model(opener: Opener, runner: asyncio.Runner) -> None:
    @settings(max_examples=examples(opener, 60))
    @given(st.lists(job, max_size=25), st.lists(filters, max_size=6), st.integers(1, 6))
    def every(
        jobs: list[tuple[str, Any, str | None, str, int]], asked: list[dict[str, Any]], size: int
    ) -> None:
        runner.run(searched(opener.open, jobs, asked, size))

    every()


async def searched(
    fresh: Open,
    jobs: list[tuple[str, Any, str | None, str, int]],
    asked: list[dict[str, Any]],
    size: int,
) -> None:
    clock = Clock()
    store = await fresh(clock)
    world = World(store, clock)
    await world.worker()
    payloads: dict[str, Any] = {}
    for binding, payload, fate, error, ms in jobs:
        clock.advance(ms)
        (made,) = await store.insert([world.new(binding, json.dumps(payload))])
        payloads[made.id] = payload
        await settle(world, made, fate, error)
    everything = sorted(await store.find(list(payloads)), key=lambda job: job.id, reverse=True)
    for one in asked:
        picks = one.pop("picks")
        ids = tuple(everything[pick % len(everything)].id for pick in picks if everything)
        filter = JobFilter(**one, ids=ids)
        expected = [job.id for job in everything if matches(job, filter, payloads[job.id])]
        assert await pages(world, filter, size) == expected
        assert await store.count(filter) == Count(len(expected))
    await store.close()


async def pages(world: World, filter: JobFilter, size: int) -> list[str]:
    found: list[str] = []
    before: str | None = None
    while True:
        page = await world.store.search(filter, before=before, limit=size)
        assert len(page.jobs) <= size
        assert (page.next is None) == (page.looked_back_to_ms is None)
        found += [job.id for job in page.jobs]
        before = page.next
        if before is None:
            return found


async def test_a_page_leaves_out_what_may_be_long(world: World) -> None:
    await world.worker()
    long, short = json.dumps("x" * 2_000), json.dumps("x" * 1_000)
    await world.store.insert([world.new("A", long), world.new("A", short)])
    claimed = await world.store.claim("w1", ["A"], 2)
    await world.store.apply([lifecycle.complete(job, "result") for job in claimed])
    page = await world.store.search(JobFilter())
    assert [job.payload for job in page.jobs] == ["x" * 1_000, None]
    assert [(job.result, job.history) for job in page.jobs] == [(None, ())] * 2
    assert [job.status for job in page.jobs] == [JobStatus.COMPLETED] * 2


async def many(world: World, number: int, fate: str | None, binding: str = "A") -> list[str]:
    await world.worker()
    ids: list[str] = []
    for start in range(0, number, 1_000):
        made = await world.put(min(1_000, number - start), binding)
        world.clock.advance(1)
        ids += made
        if fate is not None:
            boom = JobError("ValueError", "boom")
            claimed = await world.store.claim("w1", [binding], 1_000, ids=made)
            changes = [lifecycle.fail(job, boom, max_attempts=1, delay=0) for job in claimed]
            await world.store.apply(changes)
    return ids


@pytest.mark.parametrize("statuses", [(), (JobStatus.FAILED,), (JobStatus.PENDING,)])
async def test_a_search_that_finds_nothing_stops_and_says_how_far_it_looked(
    world: World, statuses: tuple[JobStatus, ...]
) -> None:
    """The needle is the oldest of more than a window of jobs."""
    fate = "failed" if statuses == (JobStatus.FAILED,) else None
    (needle,) = await world.put(payload='{"needle": 1}')
    if fate:
        await world.worker()
        (job,) = await world.store.claim("w1", ["A"], 1)
        boom = JobError("ValueError", "boom")
        await world.store.apply([lifecycle.fail(job, boom, max_attempts=1, delay=0)])
    world.clock.advance(1)
    hay = await many(world, WINDOW + 2_000, fate)
    filter = JobFilter(bindings=("A",), statuses=statuses, payload={"needle": 1})
    page = await world.store.search(filter)
    looked = len(hay)
    while page.next is not None:
        assert page.jobs == ()
        looked -= ENDED_WALKED if fate else WALKED
        assert page.next == sorted(hay)[looked]
        assert page.looked_back_to_ms == START + 1 + looked // 1_000
        page = await world.store.search(filter, before=page.next)
    assert 0 < looked < WALKED
    assert [job.id for job in page.jobs] == [needle]
    assert await world.store.count(filter) == Count(0, exact=False)


async def test_counts_beyond_the_window(world: World) -> None:
    await many(world, WINDOW + 500, None)
    assert await world.store.count(JobFilter(statuses=(JobStatus.PENDING,))) == Count(WINDOW + 500)
    assert await world.store.count(JobFilter(statuses=(JobStatus.FAILED,))) == Count(0)
    far = await world.store.count(JobFilter(created_after_ms=0))
    assert far == Count(WINDOW, exact=False)
    recent = JobFilter(created_after_ms=START + 5)
    assert await world.store.count(recent) == Count(5_500)


async def test_the_failed_of_many_bindings_come_merged(world: World) -> None:
    expected: list[str] = []
    for turn in range(3):
        for binding in ("A", "B"):
            ids = await many(world, 3 + turn, "failed", binding)
            expected += ids
        await many(world, 2, None)
    found = await pages(world, JobFilter(statuses=(JobStatus.FAILED, JobStatus.CANCELLED)), 4)
    assert found == sorted(expected, reverse=True)
