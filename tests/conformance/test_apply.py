"""What `Store.apply` must do with every transition of the life cycle."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.world import START, World, used_again

from kiribi import lifecycle
from kiribi.job import Attempt, Job, JobError, JobStatus, Outcome
from kiribi.lifecycle import Change

BOOM = JobError("ValueError", "it went \udc80 wrong", "Traceback: …")


async def running(world: World, **fields: int) -> Job:
    await world.worker()
    await world.put(**fields)
    world.clock.advance(10)
    (job,) = await world.store.claim("w1", ["A"], 1)
    world.clock.advance(30)
    return job


async def after(world: World, change: Change, *, took: bool = True) -> Job:
    assert await world.store.apply([change]) == [took]
    (job,) = await world.store.find([change.id])
    return job


async def test_completed(world: World) -> None:
    started = await running(world)
    job = await after(world, lifecycle.complete(started, {"sum": [1, 2.5, None, "é\0\udc80"]}))
    assert (job.status, job.result) == (JobStatus.COMPLETED, {"sum": [1, 2.5, None, "é\0\udc80"]})
    assert (job.started_ms, job.finished_ms, job.updated_ms) == (START + 10, START + 40, START + 40)
    assert (job.worker, job.error, job.attempts, job.failures) == (None, None, 1, 0)
    assert job.history == (Attempt(1, Outcome.COMPLETED, START + 10, START + 40, "w1"),)


@pytest.mark.parametrize("result", [None, 0, False, "", [], {}, "null", [None], 2**53, 1e300])
async def test_any_result_comes_back(world: World, result: object) -> None:
    job = await after(world, lifecycle.complete(await running(world), result))
    assert job.result == result
    assert type(job.result) is type(result)


async def test_failed_with_another_attempt_to_come(world: World) -> None:
    job = await after(world, lifecycle.fail(await running(world), BOOM, max_attempts=3, delay=1.5))
    assert (job.status, job.due_ms) == (JobStatus.RETRY_PENDING, START + 40 + 1_500)
    assert (job.failures, job.crashes, job.error, job.worker) == (1, 0, BOOM, None)
    assert job.history == (Attempt(1, Outcome.FAILED, START + 10, START + 40, "w1", BOOM),)
    assert await world.store.claim("w1", ["A"], 1) == []
    world.clock.advance(1_500)
    (again,) = await world.store.claim("w1", ["A"], 1)
    assert (again.id, again.attempts, again.failures) == (job.id, 2, 1)
    assert (again.finished_ms, again.error) == (None, BOOM)


async def test_failed_for_good(world: World) -> None:
    job = await after(world, lifecycle.fail(await running(world), BOOM, max_attempts=1, delay=9))
    assert (job.status, job.finished_ms, job.error) == (JobStatus.FAILED, START + 40, BOOM)
    world.clock.advance(10**9)
    assert await world.store.claim("w1", ["A"], 1) == []


async def test_snoozed(world: World) -> None:
    job = await after(world, lifecycle.snooze(await running(world, priority=2), 60, "too early"))
    assert (job.status, job.due_ms) == (JobStatus.PENDING, START + 40 + 60_000)
    assert (job.attempts, job.failures, job.crashes) == (1, 0, 0)
    assert [attempt.outcome for attempt in job.history] == [Outcome.SNOOZED]


async def test_released_and_due_at_once(world: World) -> None:
    job = await after(world, lifecycle.release(await running(world), "shutdown"))
    assert (job.status, job.due_ms, job.failures) == (JobStatus.PENDING, START, 0)
    assert await world.store.next_due(["A"]) == 0


async def test_crashed_until_too_often(world: World) -> None:
    job = await running(world)
    lost = JobError("WorkerLost", "SIGKILL")
    for crashes in (1, 2, 3):
        stored = await after(world, lifecycle.crash(job, lost, max_crashes=3))
        assert stored.crashes == crashes
        if crashes < 3:
            assert stored.status is JobStatus.RETRY_PENDING
            (job,) = await world.store.claim("w1", ["A"], 1)
    assert (stored.status, stored.failures, stored.error) == (JobStatus.FAILED, 0, lost)
    assert [attempt.number for attempt in stored.history] == [1, 2, 3]


async def test_cancelled_while_waiting(world: World) -> None:
    (id,) = await world.put(delay_ms=5_000)
    (job,) = await world.store.find([id])
    world.clock.advance(7)
    job = await after(world, lifecycle.cancel(job))
    assert (job.status, job.finished_ms) == (JobStatus.CANCELLED, START + 7)
    assert (job.started_ms, job.processing_ms, job.history) == (None, None, ())


async def test_cancelled_between_attempts_ends_when_it_was_cancelled(world: World) -> None:
    job = await after(world, lifecycle.fail(await running(world), BOOM, max_attempts=2, delay=60))
    world.clock.advance(1_000)
    job = await after(world, lifecycle.cancel(job))
    assert (job.status, job.finished_ms, job.processing_ms) == ("CANCELLED", START + 1_040, None)
    assert job.error == BOOM
    assert len(job.history) == 1


async def test_a_running_job_is_asked_to_stop_and_goes_on_till_it_does(world: World) -> None:
    started = await running(world)
    assert await world.store.cancel_requested([started.id]) == []
    asked = await after(world, lifecycle.cancel(started))
    assert (asked.status, asked.worker, asked.attempts) == (JobStatus.PROCESSING, "w1", 1)
    assert (asked.cancel_requested, asked.started_ms, asked.finished_ms, asked.history) == (
        True,
        START + 10,
        None,
        (),
    )
    assert await world.store.cancel_requested([started.id, "x"]) == [started.id]
    assert [job.id for job in await world.store.held_by("w1")] == [started.id]
    stopped = await after(world, lifecycle.cancelled(asked, "asked"))
    assert (stopped.status, stopped.cancel_requested) == (JobStatus.CANCELLED, False)
    assert [attempt.outcome for attempt in stopped.history] == [Outcome.CANCELLED]
    assert await world.store.cancel_requested([started.id]) == []


async def test_completing_first_beats_the_request(world: World) -> None:
    started = await running(world)
    await world.store.apply([lifecycle.cancel(started)])
    job = await after(world, lifecycle.complete(started, 1))
    assert (job.status, job.result, job.cancel_requested) == (JobStatus.COMPLETED, 1, False)


@pytest.mark.parametrize(
    ("settled", "status"),
    [
        (lambda job: lifecycle.fail(job, BOOM, max_attempts=3, delay=1), JobStatus.FAILED),
        (lambda job: lifecycle.snooze(job, 5, ""), JobStatus.CANCELLED),
        (lambda job: lifecycle.release(job, ""), JobStatus.CANCELLED),
        (lambda job: lifecycle.crash(job, BOOM), JobStatus.CANCELLED),
    ],
)
async def test_a_request_that_the_worker_had_not_heard_of_is_not_lost(
    world: World, settled: object, status: JobStatus
) -> None:
    unaware = await running(world)
    await world.store.apply([lifecycle.cancel(unaware)])
    job = await after(world, settled(unaware))  # pyright: ignore
    assert (job.status, job.cancel_requested) == (status, False)
    assert job.finished_ms == START + 40
    world.clock.advance(10_000)
    assert await world.store.claim("w1", ["A"], 1) == []
    (counts,) = (await world.store.pulse()).bindings
    assert {s: n for s, n in counts.by_status.items() if n} == {status: 1}


async def test_retried_by_hand_it_starts_over_with_its_history(world: World) -> None:
    job = await after(world, lifecycle.fail(await running(world), BOOM, max_attempts=1, delay=0))
    world.clock.advance(5)
    job = await after(world, lifecycle.retry(job))
    assert (job.status, job.due_ms) == (JobStatus.PENDING, START + 45)
    assert (job.attempts, job.failures, job.crashes) == (1, 0, 0)
    assert (job.error, job.result, job.progress) == (None, None, None)
    assert (job.started_ms, job.finished_ms, len(job.history)) == (None, None, 1)
    (again,) = await world.store.claim("w1", ["A"], 1)
    assert again.attempts == 2
    done = await after(world, lifecycle.complete(again, "ok"))
    assert [attempt.outcome for attempt in done.history] == [Outcome.FAILED, Outcome.COMPLETED]


async def test_a_completed_job_retried_forgets_its_result(world: World) -> None:
    job = await after(world, lifecycle.complete(await running(world), 5))
    job = await after(world, lifecycle.retry(job))
    assert (job.status, job.result) == (JobStatus.PENDING, None)


async def test_run_now_makes_it_due(world: World) -> None:
    (id,) = await world.put(delay_ms=50_000)
    (job,) = await world.store.find([id])
    job = await after(world, lifecycle.run_now(job))
    assert (job.status, job.due_ms) == (JobStatus.PENDING, START)
    await world.worker()
    assert len(await world.store.claim("w1", ["A"], 1)) == 1


async def test_a_late_finish_of_an_earlier_attempt_is_refused(world: World) -> None:
    first = await running(world)
    await world.store.apply([lifecycle.crash(first, BOOM)])
    (second,) = await world.store.claim("w1", ["A"], 1)
    before = await world.store.find([first.id])
    assert await world.store.apply([lifecycle.complete(first, "late")]) == [False]
    assert await world.store.find([first.id]) == before
    job = await after(world, lifecycle.complete(second, "mine"))
    assert job.result == "mine"
    assert await world.store.apply([lifecycle.complete(second, "twice")]) == [False]


async def test_a_late_finish_does_not_settle_a_new_job_of_the_same_id(world: World) -> None:
    lost, found = await used_again(world)
    assert (found.attempts, found.status) == (lost.attempts, lost.status)
    before = await world.store.find([found.id])
    causes = await world.store.failures(since_ms=0)
    late = [lifecycle.complete(lost, "late"), lifecycle.fail(lost, BOOM, max_attempts=1, delay=0)]
    for change in (*late, lifecycle.crash(lost, BOOM), lifecycle.cancel(lost)):
        assert await world.store.apply([change]) == [False]
    assert await world.store.find([found.id]) == before
    assert await world.store.failures(since_ms=0) == causes
    assert (await after(world, lifecycle.complete(found, "mine"))).result == "mine"


async def test_each_change_is_judged_for_itself(world: World) -> None:
    await world.worker()
    await world.put(4)
    one, two, three, four = await world.store.claim("w1", ["A"], 4)
    await world.store.apply([lifecycle.complete(two, "already")])
    unknown = replace(lifecycle.complete(one, 0), id="01900000-0000-7000-8000-000000000000")
    took = await world.store.apply(
        [
            lifecycle.complete(one, 1),
            lifecycle.complete(two, 2),
            unknown,
            lifecycle.fail(three, BOOM, max_attempts=1, delay=0),
            lifecycle.complete(one, "twice"),
            lifecycle.snooze(four, 1, ""),
        ]
    )
    assert took == [True, False, False, True, False, True]
    jobs = await world.store.find([one.id, two.id, three.id, four.id])
    assert [job.result for job in jobs] == [1, "already", None, None]
    assert await world.store.apply([]) == []


async def test_the_last_twenty_attempts_are_kept(world: World) -> None:
    job = await running(world)
    for _ in range(25):
        await world.store.apply([lifecycle.snooze(job, 0, "")])
        (job,) = await world.store.claim("w1", ["A"], 1)
    job = await after(world, lifecycle.complete(job, None))
    assert [attempt.number for attempt in job.history] == list(range(7, 27))


async def test_every_transition_moves_the_cursor(world: World) -> None:
    started = await running(world)
    cursor = (await world.store.pulse()).cursor
    await world.store.apply([lifecycle.cancel(started)])
    moved = (await world.store.pulse()).cursor
    assert moved > cursor
    await world.store.apply([lifecycle.complete(started, None)])
    assert (await world.store.pulse()).cursor > moved
