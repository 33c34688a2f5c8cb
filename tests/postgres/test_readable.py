"""JSON that jsonb refuses: a NUL, half of a surrogate pair; nobody who looks at it may fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.postgres.shelves import Shelves, closed, opened

from kiribi import lifecycle
from kiribi.errors import IdConflict
from kiribi.job import JobError, new_id
from kiribi.ports import BindingInfo, NewJob
from kiribi.search import JobFilter

texts = st.text(st.sampled_from(list("\0\\u0dc8\ud800\udbff\udc00\udfff😀\"'\n")), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def world(postgres_url: str, runner: asyncio.Runner) -> Iterator[Shelves]:
    one = runner.run(opened(postgres_url))
    yield one
    runner.run(closed(one))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("\0", "\\u0000").via("the same when it is shown")
@example("\\", "\\\\").via("a backslash and two")
@example("\ud83d\ude00", "😀").via("the same in JSON")
@given(one=values, other=values)
def test_texts_are_the_same_if_their_values_are(
    world: Shelves, runner: asyncio.Runner, one: Any, other: Any
) -> None:
    for second in (one, other):
        # surrogates that make a pair are that character
        pair = [json.dumps(json.loads(json.dumps(x)), sort_keys=True) for x in (one, second)]
        same = runner.run(
            world.sql.fetchval(
                "SELECT kiribi.same_json($1, $2)",
                json.dumps(one),
                json.dumps(second, ensure_ascii=True, indent=1),
            )
        )
        assert same == (pair[0] == pair[1])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=values)
def test_whatever_is_json_is_readable(world: Shelves, runner: asyncio.Runner, value: Any) -> None:
    assert runner.run(
        world.sql.fetchval("SELECT kiribi.readable($1) IS NOT NULL", json.dumps(value))
    )


@pytest.mark.parametrize("body", ["[" * 100_000 + "]" * 100_000, "1e999999", "[1", "nonsense"])
def test_what_is_not_is_nothing(world: Shelves, runner: asyncio.Runner, body: str) -> None:
    assert runner.run(world.sql.fetchval("SELECT kiribi.readable($1) IS NULL", body))


async def test_jobs_with_such_payloads_hide_no_others(world: Shelves) -> None:
    payloads = [{"a": "x\0y"}, {"a": "\ud800"}, {"\0": 1}, {"a": "plain"}, "\udc00"]
    jobs = await world.store.insert([world.new(payload=json.dumps(one)) for one in payloads])

    async def found(value: Any) -> list[int]:
        page = await world.store.search(JobFilter(payload={"a": value}))
        ids = [job.id for job in jobs]
        return [ids.index(job.id) for job in page.jobs]

    assert await found("plain") == [3]
    assert await found("x\0y") == [0]
    assert await found("\ud800") == [1]
    assert await found("\\ud801") == []


@pytest.mark.parametrize("text", ["no\0pe", "no\ud800pe"])
async def test_such_texts_are_looked_for_like_others(world: Shelves, text: str) -> None:
    store = world.store
    (job,) = await world.running(1)
    error = JobError("ValueError", f"C:\\path {text}", "Traceback")
    await store.apply([lifecycle.fail(job, error, max_attempts=1, delay=0)])
    assert [one.id for one in (await store.search(JobFilter(error="c:\\PATH"))).jobs][:1] == [
        job.id
    ]
    assert (await store.failures(since_ms=0))[0].number >= 1
    assert await store.find([text]) == []
    assert await store.delete([text]) == []
    assert await store.logs(text) == []
    assert await store.situation(text) is None
    for filter in (
        JobFilter(ids=(text,)),
        JobFilter(error=text),
        JobFilter(bindings=(text,)),
        JobFilter(payload={text: text}),
    ):
        assert isinstance((await store.count(filter)).value, int)
    id = new_id(world.clock.now)
    await store.insert([NewJob(id, "A", json.dumps(text), chosen_id=True)])
    assert (await store.insert([NewJob(id, "A", json.dumps(text), chosen_id=True)]))[0].duplicate
    with pytest.raises(IdConflict):
        await store.insert([NewJob(id, "A", json.dumps(text + "!"), chosen_id=True)])


async def test_keys_and_defaults_may_hold_them(world: Shelves) -> None:
    schema = {"pattern": "^[^\0]*$", "title": "\ud800"}
    await world.store.register([BindingInfo("S", {"timeout": 1}, schema)])
    info = {one.name: one for one in await world.store.bindings()}["S"]
    assert (info.schema, info.defaults) == (schema, {"timeout": 1})
    await world.worker("w2", ("K",))
    key = json.dumps({"concurrency_key": "k\0\ud800"})
    await world.put(2, "K", options=key)
    assert len(await world.store.claim("w2", ["K"], 2)) == 1
