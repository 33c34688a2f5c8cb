"""Logs, progress and steps: what performers write while they run."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.world import World, used_again

from kiribi import lifecycle
from kiribi.job import Job
from kiribi.ports import LogLine, Progress
from kiribi.search import JobFilter


async def two_running(world: World) -> list[Job]:
    await world.worker()
    await world.put(2)
    return await world.store.claim("w1", ["A"], 2)


async def test_lines_come_back_in_order_and_by_sequence_number(world: World) -> None:
    one, two = await two_running(world)
    texts = ["first", "é 🎐", "lone \udc80", "nul \0 byte", "", 'it\'s "quoted"\nand broken']
    lines = [LogLine(one.id, 1, 5 + i, "info", text) for i, text in enumerate(texts)]
    await world.store.log([lines[0], LogLine(two.id, 1, 9, "error", "other"), *lines[1:3]])
    await world.store.log(lines[3:])
    stored = await world.store.logs(one.id)
    assert [seq for seq, _ in stored] == [1, 2, 3, 4, 5, 6]
    texts[2], texts[3] = "lone \\udc80", "nul \\x00 byte"
    assert [line.message for _, line in stored] == texts
    assert stored[0][1] == lines[0]
    assert await world.store.logs(one.id, after=4) == stored[4:]
    assert await world.store.logs(one.id, after=1, limit=2) == stored[1:3]
    assert await world.store.logs(two.id) == [(1, LogLine(two.id, 1, 9, "error", "other"))]
    await world.store.log([])


async def test_lines_of_a_job_that_is_gone_are_dropped(world: World) -> None:
    (job, _) = await two_running(world)
    unknown = LogLine("01900000-0000-7000-8000-000000000000", 1, 1, "info", "?")
    await world.store.log([unknown, LogLine(job.id, 1, 1, "info", "!")])
    assert len(await world.store.logs(job.id)) == 1
    assert await world.store.logs(unknown.job_id) == []


async def test_progress_is_taken_while_the_attempt_runs(world: World) -> None:
    one, two = await two_running(world)
    reports = [
        Progress(one.id, 1, 0.25, "a"),
        Progress(two.id, 2, 0.5, "of a later attempt"),
        Progress(one.id, 1, 0.5, "half \udc80"),
    ]
    assert await world.store.progress(reports) == [True, False, True]
    stored_one, stored_two = await world.store.find([one.id, two.id])
    assert (stored_one.progress, stored_two.progress) == ((0.5, "half \udc80"), None)
    await world.store.apply([lifecycle.complete(one, None)])
    assert await world.store.progress([Progress(one.id, 1, 1.0)]) == [False]
    (done,) = await world.store.find([one.id])
    assert done.progress == (0.5, "half \udc80")
    assert await world.store.progress([]) == []


async def test_a_new_attempt_starts_without_progress(world: World) -> None:
    one, _ = await two_running(world)
    await world.store.progress([Progress(one.id, 1, 0.9)])
    await world.store.apply([lifecycle.release(one, "")])
    (again,) = await world.store.claim("w1", ["A"], 1)
    assert again.progress is None


async def test_a_step_is_stored_once_and_only_by_the_running_attempt(world: World) -> None:
    one, two = await two_running(world)
    assert await world.store.step(one.id, "charge") is None
    assert await world.store.store_step(one, "charge", '{"id": null}')
    assert await world.store.step(one.id, "charge") == ({"id": None},)
    assert await world.store.store_step(one, "charge", '{"id": null}'), "a repeated write"
    assert not await world.store.store_step(one, "charge", "2")
    assert not await world.store.store_step(replace(two, attempts=2), "charge", "2")
    assert await world.store.step(two.id, "charge") is None
    assert await world.store.store_step(two, "charge", "null")
    assert await world.store.step(two.id, "charge") == (None,)
    await world.store.apply([lifecycle.release(one, "")])
    assert not await world.store.store_step(one, "mail", "1")
    (again,) = await world.store.claim("w1", ["A"], 1)
    assert await world.store.step(again.id, "charge") == ({"id": None},)
    assert await world.store.store_step(again, "mail", "1")


async def test_a_step_is_not_stored_for_a_new_job_of_the_same_id(world: World) -> None:
    lost, found = await used_again(world)
    assert not await world.store.store_step(lost, "charge", '"the old one"')
    assert await world.store.step(found.id, "charge") is None
    assert await world.store.store_step(found, "charge", "1")


async def test_all_of_it_goes_with_the_job(world: World) -> None:
    one, _ = await two_running(world)
    await world.store.log([LogLine(one.id, 1, 1, "info", "x")])
    await world.store.store_step(one, "s", "1")
    await world.store.apply([lifecycle.complete(one, None)])
    assert await world.store.delete([one.id]) == [one.id]
    assert await world.store.logs(one.id) == []
    assert await world.store.step(one.id, "s") is None
    assert (await world.store.count(JobFilter())).value == 1
