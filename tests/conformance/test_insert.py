"""What `Store.insert` must do."""

from __future__ import annotations

import pytest
from tests.conformance.world import START, World

from kiribi.errors import IdConflict
from kiribi.job import JobStatus, id_ms, new_id
from kiribi.ports import BindingInfo, NewJob
from kiribi.search import JobFilter


async def test_stored_jobs_come_back_in_order_as_they_are_found(world: World) -> None:
    new = [world.new("AB"[i % 2], f'{{"n": {i}}}', options='{"timeout": 5}') for i in range(10)]
    jobs = await world.store.insert(new)
    assert [job.payload for job in jobs] == [{"n": i} for i in range(10)]
    assert jobs == await world.store.find([job.id for job in jobs])
    first = jobs[0]
    assert (first.id, first.binding, first.status) == (new[0].id, "A", JobStatus.PENDING)
    assert first.options == {"timeout": 5}
    assert first.due_ms == first.updated_ms == first.created_ms == START
    assert (first.attempts, first.failures, first.crashes, first.duplicate) == (0, 0, 0, False)
    assert first.history == ()


async def test_nothing_is_stored_for_an_empty_call(world: World) -> None:
    assert await world.store.insert([]) == []
    assert (await world.store.pulse()).cursor == 0


async def test_due_by_delay_or_by_time(world: World) -> None:
    later, at = await world.store.insert(
        [world.new(delay_ms=1_500), world.new(at_ms=START - 5_000, delay_ms=9)]
    )
    assert (later.due_ms, at.due_ms) == (START + 1_500, START - 5_000)


async def test_priority_is_the_bindings_unless_given(world: World) -> None:
    await world.store.register([BindingInfo("A", {"priority": 7})])
    asked = [world.new("A"), world.new("A", priority=0), world.new("B"), world.new("B", priority=9)]
    jobs = await world.store.insert(asked)
    assert [job.priority for job in jobs] == [7, 0, 0, 9]


async def test_an_unknown_binding_becomes_known(world: World) -> None:
    await world.put(binding="SEND_MAIL")
    await world.put(binding="SEND_MAIL")
    assert [binding.name for binding in await world.store.bindings()] == ["SEND_MAIL"]


@pytest.mark.parametrize("size", [1_000, 1_023, 1_024, 1_025, 100_000, 999_998])
async def test_payloads_of_any_size_come_back(world: World, size: int) -> None:
    payload = '"' + "x" * (size - 2) + '"'
    (id,) = await world.put(payload=payload)
    await world.worker()
    (found,) = await world.store.find([id])
    (claimed,) = await world.store.claim("w1", ["A"], 1)
    (held,) = await world.store.held_by("w1")
    assert found.payload == claimed.payload == held.payload == payload[1:-1]


async def test_text_beyond_ascii_comes_back(world: World) -> None:
    payloads = ['"é 日本 🎐"', '{"\\u0000": "a\\u0000b"}', '"\\ud800"', '"' + "日" * 400 + '"']
    jobs = await world.store.insert([world.new(payload=payload) for payload in payloads])
    values = ["é 日本 🎐", {"\0": "a\0b"}, "\ud800", "日" * 400]
    assert [job.payload for job in jobs] == values
    assert [job.payload for job in await world.store.find([job.id for job in jobs])] == values


async def test_a_made_id_off_the_stores_clock_is_replaced(world: World) -> None:
    ids = [new_id(START + off) for off in (-60_000, 60_000, -60_001, 60_001, -START, 10**12)]
    jobs = await world.store.insert([NewJob(id, "A", "1") for id in ids])
    assert [job.id for job in jobs[:2]] == ids[:2]
    for job, id in zip(jobs[2:], ids[2:], strict=True):
        assert id_ms(job.id) == START
        assert job.id[14:] == id[14:], "the random tail stays"
    assert [j.id for j in await world.store.find([job.id for job in jobs])] == [j.id for j in jobs]


async def test_a_chosen_id_is_kept_whatever_its_time(world: World) -> None:
    id = new_id(1)
    (job,) = await world.store.insert([NewJob(id, "A", "1", chosen_id=True)])
    assert job.id == id


@pytest.mark.parametrize(
    ("payload", "again"),
    [
        ('{"a": 1, "b": [1, {"c": null}]}', '{"b":[1,{"c":null}],"a":1}'),
        ('"\\u00e9"', '"é"'),
        ('"' + "é" * 2_000 + '"', '"' + "\\u00e9" * 2_000 + '"'),
        ("[]", "[ ]"),
    ],
)
async def test_the_same_content_again_gives_the_existing_job(
    world: World, payload: str, again: str
) -> None:
    id = new_id(START)
    (first,) = await world.store.insert(
        [NewJob(id, "A", payload, '{"timeout":1,"priority":2}', chosen_id=True, priority=2)]
    )
    cursor = (await world.store.pulse()).cursor
    (second,) = await world.store.insert(
        [NewJob(id, "A", again, '{"priority": 2, "timeout": 1}', chosen_id=True, priority=2)]
    )
    assert not first.duplicate
    assert second.duplicate
    assert second.id == first.id
    assert second.payload == first.payload
    pulse = await world.store.pulse()
    assert (pulse.cursor, pulse.bindings[0].by_status[JobStatus.PENDING]) == (cursor, 1)


async def test_a_duplicate_shows_what_became_of_the_job(world: World) -> None:
    new = NewJob(new_id(START), "A", "1", chosen_id=True)
    await world.store.insert([new])
    await world.worker()
    await world.store.claim("w1", ["A"], 1)
    (job,) = await world.store.insert([new])
    assert (job.duplicate, job.status, job.attempts) == (True, JobStatus.PROCESSING, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"binding": "B"},
        {"payload": '{"a": 2}'},
        {"payload": '{"a": 1, "b": null}'},
        {"payload": "{}"},
        {"payload": '{"a": true}'},
        {"payload": '{"a": "1"}'},
        {"payload": '[{"a": 1}]'},
        {"payload": "null"},
        {"options": '{"timeout": 2}'},
        {"options": None},
    ],
)
async def test_other_content_under_an_id_is_refused_and_nothing_of_the_call_stored(
    world: World, other: dict[str, str | None]
) -> None:
    id = new_id(START)
    same = {"binding": "A", "payload": '{"a": 1}', "options": '{"timeout": 1}'}
    await world.store.insert([NewJob(id, chosen_id=True, **same)])  # pyright: ignore
    before = await world.store.pulse()
    with pytest.raises(IdConflict) as raised:
        await world.store.insert(
            [
                world.new("C", "1"),
                NewJob(id, chosen_id=True, **(same | other)),  # pyright: ignore
                world.new("C", "2"),
            ]
        )
    assert raised.value.id == id
    assert await world.store.pulse() == before
    assert [job.binding for job in (await world.store.search(JobFilter())).jobs] == ["A"]
    assert [binding.name for binding in await world.store.bindings()] == ["A"]


async def test_the_same_id_twice_in_one_call(world: World) -> None:
    id = new_id(START)
    one = NewJob(id, "A", '{"a": 1, "b": 2}', chosen_id=True)
    same = NewJob(id, "A", '{"b": 2, "a": 1}', chosen_id=True)
    first, second = await world.store.insert([one, same])
    assert (first.duplicate, second.duplicate) == (False, True)
    assert first.id == second.id
    assert (await world.store.count(JobFilter())).value == 1
    with pytest.raises(IdConflict):
        await world.store.insert([world.new(), one, NewJob(id, "A", "2", chosen_id=True)])
    assert (await world.store.count(JobFilter())).value == 1


async def test_thousands_at_once(world: World) -> None:
    jobs = await world.store.insert([world.new(payload=str(i)) for i in range(3_000)])
    assert [job.payload for job in jobs] == list(range(3_000))
    assert (await world.store.count(JobFilter(bindings=("A",)))).value == 3_000
