"""`after=` as applications use it: on a manager, run by `drain`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kiribi import InvalidInput, Job, JobStatus, Kiribi, Performer, new_id
from kiribi.blocking import BlockingKiribi
from kiribi.job import HELD_MS
from kiribi.testing import FakeClock, connected, drain

ran: list[str] = []


class Note(Performer):
    async def perform(self, payload: str) -> str:
        ran.append(payload)
        return payload


class Later(Performer):
    first_delay = 60

    async def perform(self, payload: str) -> None:
        ran.append(payload)


def on_kiribi(use: Callable[[Kiribi, FakeClock], Awaitable[None]]) -> None:
    async def run() -> None:
        ran.clear()
        clock = FakeClock()
        async with connected(performers=[Note, Later], clock=clock) as kiribi:
            await use(kiribi, clock)

    asyncio.run(run())


async def status(kiribi: Kiribi, job: Job) -> JobStatus:
    found = await kiribi.find(job.id)
    assert found is not None
    return found.status


def test_jobs_run_in_the_order_of_their_chain() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        first = await kiribi.enqueue(Note, "first")
        second = await kiribi.enqueue(Note, "second", after=[first], priority=9)
        await kiribi.enqueue(Note, "third", after=(first.id, second), priority=9)
        await drain(kiribi)
        assert ran == ["first", "second", "third"]

    on_kiribi(use)


def test_options_show_what_was_given() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        first = await kiribi.enqueue(Note, "first")
        job = await kiribi.enqueue(Note, "b", after=[first, first.id], after_failed="wait")
        assert job.options == {"after": [first.id], "after_failed": "wait"}
        assert job.due_ms == HELD_MS
        assert (await kiribi.enqueue(Note, "c", after=[])).options == {}

    on_kiribi(use)


def test_pages_leave_out_long_lists() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        firsts = await kiribi.enqueue_many([(Note, "x")] * 40)
        short = await kiribi.enqueue(Note, "b", after=firsts[:2], priority=3)
        long = await kiribi.enqueue(Note, "b", after=firsts, priority=3)
        listed = {job.id: job.options for job in (await kiribi.find_many()).jobs}
        assert listed[short.id] == short.options
        assert listed[long.id] == {"priority": 3}
        assert (await kiribi.explain(long.id)).job.options == long.options

    on_kiribi(use)


def test_the_performers_delay_counts_from_the_end() -> None:
    async def use(kiribi: Kiribi, clock: FakeClock) -> None:
        first = await kiribi.enqueue(Note, "first")
        last = await kiribi.enqueue(Later, "last", after=first)
        clock.advance(3600)
        await drain(kiribi)
        job = await kiribi.find(last.id)
        assert job is not None
        assert job.due_ms - await kiribi.store.now_ms() == 60_000

    on_kiribi(use)


def test_explain_names_what_is_waited_for() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        firsts = await kiribi.enqueue_many([(Note, "x")] * 7)
        job = await kiribi.enqueue(Note, "last", after=firsts)
        reason = (await kiribi.explain(job.id)).reasons[0]
        assert reason.code == "waits_for_jobs"
        shown = ", ".join(f"{first.id} (PENDING)" for first in firsts[:5])
        assert reason.message == f"It waits for 7 jobs: {shown} and 2 more."
        assert reason.params == {"jobs": [first.id for first in firsts[:5]], "count": 7}
        await kiribi.cancel([first.id for first in firsts[1:]])
        told = (await kiribi.explain(job.id)).reasons
        assert [reason.code for reason in told] == ["cancelled"]
        assert told[0].message == (
            f"It was cancelled: it was to run after job {firsts[1].id}, which was CANCELLED; "
            "retry runs it again."
        )

    on_kiribi(use)


def test_a_call_of_thousands_may_name_what_it_stored_before() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        first = new_id()
        jobs = [(Note, "x", {"id": first}), *[(Note, "x")] * 1_500]
        stored = await kiribi.enqueue_many([*jobs, (Note, "last", {"after": first})])
        assert stored[-1].due_ms == HELD_MS

    on_kiribi(use)


def test_circles_are_refused_and_nothing_is_stored() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        one, other = new_id(), new_id()
        circle = [
            (Note, "a", {"id": one, "after": other}),
            (Note, "b", {"id": other, "after": one}),
        ]
        with pytest.raises(
            InvalidInput, match=r"jobs\[0\].after: .* give jobs that come before it"
        ):
            await kiribi.enqueue_many(circle)
        assert (await kiribi.count()).value == 0

    on_kiribi(use)


def test_perform_waits_for_what_comes_before() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        first = await kiribi.enqueue(Note, "first", first_delay=3600)
        mark = kiribi.queue.mark()
        performing = asyncio.ensure_future(kiribi.perform(Note, "then", after=first))
        assert await kiribi.queue.wait(mark, 10)
        assert ran == []
        await kiribi.run_now(first.id)
        await drain(kiribi)
        assert await performing == "then"
        assert ran == ["first", "then"]

    on_kiribi(use)


def test_deleting_rings_for_whoever_waited() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        first = await kiribi.enqueue(Note, "first", first_delay=3600)
        last = await kiribi.enqueue(Note, "last", after=first, after_failed="run")
        mark = kiribi.queue.mark()
        await kiribi.delete(first.id)
        assert await kiribi.queue.wait(mark, 0)
        await drain(kiribi)
        assert await status(kiribi, last) is JobStatus.COMPLETED

    on_kiribi(use)


def test_a_release_rings_for_when_it_is_due() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        rung: list[float] = []
        kiribi.store.on_release(lambda delays, bindings=None: rung.extend(delays))
        first = await kiribi.enqueue(Note, "first")
        await kiribi.enqueue_many([(Note, "a", {"after": first}), (Later, "b", {"after": first})])
        strict = await kiribi.enqueue(Note, "c")
        await kiribi.enqueue(Note, "d", after=strict)
        await kiribi.cancel(strict.id)
        assert rung == []
        await drain(kiribi)
        assert sorted(rung) == [0, 60]

    on_kiribi(use)


def test_tick_repairs_and_rings() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        first = await kiribi.enqueue(Note, "first")
        last = await kiribi.enqueue(Note, "last", after=first)
        [job] = await kiribi.store.find([first.id])
        from kiribi import lifecycle

        await kiribi.store._change([lifecycle.cancel(job)])  # type: ignore[attr-defined] # dies then
        mark = kiribi.queue.mark()
        await kiribi.tick()
        assert await kiribi.queue.wait(mark, 0)
        assert await status(kiribi, last) is JobStatus.CANCELLED

    on_kiribi(use)


def test_the_blocking_twin(tmp_path: str) -> None:
    with BlockingKiribi(f"sqlite:///{tmp_path}/jobs.db", performers=[Note]) as kiribi:
        first = kiribi.enqueue(Note, "first")
        last = kiribi.enqueue(Note, "last", after=first)
        kiribi.cancel(first.id)
        found = kiribi.find(last.id)
        assert found is not None
        assert found.status is JobStatus.CANCELLED


def test_a_batch_has_counts_progress_and_a_callback() -> None:
    async def use(kiribi: Kiribi, clock: FakeClock) -> None:
        batch = await kiribi.enqueue_batch(
            [(Note, "a"), (Later, "b"), ("NOTE", "c", {"first_delay": 9})], then=(Note, "then")
        )
        assert (batch.total, batch.ended, batch.progress) == (3, 0, 0.0)
        assert batch.callback.due_ms == HELD_MS
        await drain(kiribi)
        batch = await kiribi.batch(batch.id)
        assert batch.counts == {"COMPLETED": 1, "PENDING": 2}
        assert batch.progress == pytest.approx(1 / 3)
        clock.advance(60)
        await drain(kiribi)
        batch = await kiribi.batch(batch.id)
        assert (batch.counts, batch.progress) == ({"COMPLETED": 3}, 1.0)
        assert (batch.callback.status, batch.callback.result) == (JobStatus.COMPLETED, "then")
        assert ran == ["a", "c", "b", "then"]

    on_kiribi(use)


@pytest.mark.parametrize("failed", [None, "run", "cancel"])
def test_a_callback_runs_however_the_others_ended_unless_told(failed: str | None) -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        then = (Note, "then", {"after_failed": failed})
        batch = await kiribi.enqueue_batch([(Note, "a"), (Note, "b")], then)
        first = batch.callback.options["after"][0]
        await kiribi.cancel(first)
        await drain(kiribi)
        assert await status(kiribi, batch.callback) is (
            JobStatus.CANCELLED if failed == "cancel" else JobStatus.COMPLETED
        )
        assert (await kiribi.batch(batch.id)).counts == {"CANCELLED": 1, "COMPLETED": 1}

    on_kiribi(use)


def test_counts_outlive_the_jobs() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        batch = await kiribi.enqueue_batch([(Note, "a"), (Later, "b")], (Note, "then"))
        await drain(kiribi)
        await kiribi.delete(list(batch.callback.options["after"]))
        batch = await kiribi.batch(batch.id)
        assert (batch.counts, batch.progress) == ({"COMPLETED": 1, "DELETED": 1}, 1.0)

    on_kiribi(use)


def test_an_empty_batch_runs_its_callback() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        batch = await kiribi.enqueue_batch([], (Note, "then"))
        assert (batch.total, batch.progress) == (0, 1.0)
        await drain(kiribi)
        assert ran == ["then"]

    on_kiribi(use)


def test_a_batch_with_ids_is_repeatable() -> None:
    async def use(kiribi: Kiribi, _: FakeClock) -> None:
        first, last = new_id(), new_id()
        for _repeat in range(2):
            batch = await kiribi.enqueue_batch(
                [(Note, "a", {"id": first})], (Note, "then", {"id": last})
            )
            assert batch.id == last
        assert (await kiribi.count()).value == 2

    on_kiribi(use)


def test_the_blocking_twin_has_batches(tmp_path: str) -> None:
    with BlockingKiribi(f"sqlite:///{tmp_path}/jobs.db", performers=[Note]) as kiribi:
        batch = kiribi.enqueue_batch([(Note, "a")] * 3, (Note, "then"))
        assert kiribi.batch(batch.id).counts == {"PENDING": 3}
