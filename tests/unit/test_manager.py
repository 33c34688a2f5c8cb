"""The manager on a real store in memory: what it adds to what the store does."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from kiribi import (
    Cancel,
    Duplicate,
    IdConflict,
    IllegalTransition,
    InvalidInput,
    Job,
    JobCancelled,
    JobFailed,
    JobNotFound,
    JobStatus,
    Kiribi,
    Meta,
    NotConnected,
    NotFinished,
    Performer,
    StoreUnavailable,
    Unique,
    UnknownBinding,
    lifecycle,
    new_id,
)
from kiribi.ports import BindingInfo, WorkerInfo
from kiribi.testing import FakeClock, connected, drain

LEASE = 20_000


@dataclass
class Mail:
    to: str


class SendMail(Performer):
    priority = 3
    first_delay = 60

    async def perform(self, payload: Mail) -> str:
        return payload.to


class Break(Performer):
    max_attempts = 5
    retry_delay = 0

    async def perform(self, payload: str) -> None:
        raise {"key": KeyError("k"), "cancel": Cancel("enough"), "exit": SystemExit(3)}[payload]


class Forever(Performer):
    begun: asyncio.Event

    async def perform(self, payload: None) -> None:
        self.begun.set()
        await asyncio.Event().wait()


async def finish(kiribi: Kiribi, job: Job, result: Any = None) -> None:
    """Let another worker complete a job."""
    await kiribi.store.enlist(WorkerInfo("w", bindings=(job.binding,)), LEASE)
    (claimed,) = await kiribi.store.claim("w", [job.binding], 1, ids=[job.id])
    assert await kiribi.store.apply([lifecycle.complete(claimed, result)]) == [True]
    kiribi.queue.ring()


# Asking


async def test_enqueue_knows_the_class_by_name_and_the_name_by_class() -> None:
    async with connected(performers=[SendMail]) as kiribi:
        for binding in (SendMail, "SEND_MAIL"):
            job = await kiribi.enqueue(binding, Mail("ann"))
            assert (job.binding, job.payload, job.priority) == ("SEND_MAIL", {"to": "ann"}, 3)
            assert job.due_ms - job.updated_ms == 60_000
            assert job.options == {}
            assert await kiribi.find(job.id) == job


async def test_defaults_reach_programs_without_the_class() -> None:
    async with connected(performers=[SendMail]) as kiribi:
        await kiribi.register(["SEND_MAIL"])
        kiribi.bind(kiribi.store, kiribi.queue, [])
        job = await kiribi.enqueue("SEND_MAIL", {"to": "ann"})
        assert (job.priority, job.due_ms - job.updated_ms) == (3, 60_000)
        with pytest.raises(InvalidInput, match=r"payload\.to: 3 is not allowed; SEND_MAIL says"):
            await kiribi.enqueue("SEND_MAIL", {"to": 3})
        now = await kiribi.enqueue("SEND_MAIL", {"to": "ann"}, first_delay=0, priority=0)
        assert (now.priority, now.due_ms - now.updated_ms, now.options) == (
            0,
            0,
            {"first_delay": 0, "priority": 0},
        )


async def test_an_id_makes_it_repeatable() -> None:
    async with connected() as kiribi:
        id = new_id()
        first = await kiribi.enqueue("A", {"n": 1}, id=id, timeout=5)
        again = await kiribi.enqueue("A", {"n": 1}, id=id, timeout=5.0)
        assert (first.duplicate, again.duplicate) == (False, True)
        assert again.id == first.id == id
        for other in [("B", {"n": 1}, {}), ("A", {"n": 2}, {}), ("A", {"n": 1}, {"timeout": 6})]:
            with pytest.raises(IdConflict, match=id):
                await kiribi.enqueue(other[0], other[1], id=id, **{"timeout": 5, **other[2]})
        assert (await kiribi.count()).value == 1


async def test_enqueue_many_is_in_order_and_in_steps() -> None:
    async with connected(performers=[SendMail]) as kiribi:
        jobs = await kiribi.enqueue_many(
            [(SendMail, Mail(str(n)), {"priority": n % 10}) for n in range(2_345)]
        )
        assert [job.payload["to"] for job in jobs] == [str(n) for n in range(2_345)]
        assert [job.priority for job in jobs] == [n % 10 for n in range(2_345)]
        assert await kiribi.enqueue_many([]) == []


async def test_large_payloads_go_in_smaller_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected() as kiribi:
        sizes: list[int] = []
        insert = kiribi.store.insert

        async def counted(jobs: Sequence[Any]) -> list[Job]:
            sizes.append(sum(len(job.payload) for job in jobs))
            return await insert(jobs)

        monkeypatch.setattr(kiribi.store, "insert", counted)
        await kiribi.enqueue_many([("A", "x" * 900_000)] * 40)
        assert sum(sizes) == 40 * 900_002
        assert max(sizes) <= 16_000_000


async def test_one_wrong_job_of_many_stores_none() -> None:
    async with connected() as kiribi:
        with pytest.raises(InvalidInput) as refusal:
            await kiribi.enqueue_many([("A", 1), ("A", 2, {"priority": 11}), ("A", 3)])
        assert refusal.value.__notes__ == ["It is job 1 (from 0); none was stored."]
        assert (await kiribi.count()).value == 0


async def test_without_an_application_any_binding_may_wait() -> None:
    async with connected() as kiribi:
        assert (await kiribi.enqueue("NEVER_SEEN")).status is JobStatus.PENDING


async def test_with_one_an_unknown_binding_is_refused_with_the_nearest() -> None:
    async with connected(performers=[SendMail]) as kiribi:
        with pytest.raises(UnknownBinding, match=r"did you mean SEND_MAIL\?"):
            await kiribi.enqueue("SEND_MIAL", {})
        await kiribi.store.register([BindingInfo("ELSEWHERE")])
        assert (await kiribi.enqueue("ELSEWHERE")).binding == "ELSEWHERE"


# Performing


async def test_perform_returns_the_result_and_records_the_job() -> None:
    async with connected(performers=[SendMail]) as kiribi:
        assert await kiribi.perform(SendMail, Mail("ann"), first_delay=0) == "ann"
        (job,) = (await kiribi.find_many()).jobs
        assert (job.status, job.options["max_attempts"]) == (JobStatus.COMPLETED, 1)


async def test_perform_makes_one_attempt_unless_told() -> None:
    async with connected(performers=[Break]) as kiribi:
        for options, attempts in [({}, 1), ({"max_attempts": None}, 1), ({"max_attempts": 3}, 3)]:
            with pytest.raises(KeyError):
                await kiribi.perform(Break, "key", **options)
            assert (await kiribi.find_many()).jobs[0].failures == attempts


async def test_perform_raises_how_it_ended_not_what_would_end_the_caller() -> None:
    async with connected(performers=[Break]) as kiribi:
        with pytest.raises(JobCancelled):
            await kiribi.perform(Break, "cancel")
        with pytest.raises(JobFailed, match="SystemExit"):
            await kiribi.perform(Break, "exit")


async def test_a_cancelled_perform_raises_job_cancelled() -> None:
    async with connected(performers=[Forever]) as kiribi:
        Forever.begun = asyncio.Event()
        performing = asyncio.create_task(kiribi.perform(Forever, None))
        await Forever.begun.wait()
        (job,) = (await kiribi.find_many({"status": "PROCESSING"})).jobs
        await kiribi.cancel(job.id)
        with pytest.raises(JobCancelled):
            await performing


async def test_perform_gives_up_waiting_but_the_job_lives_on() -> None:
    async with connected(performers=[Forever]) as kiribi:
        Forever.begun = asyncio.Event()
        with pytest.raises(NotFinished) as late:
            await kiribi.perform(Forever, None, wait=0.05)
        assert not late.value.job.status.is_final
        await kiribi.cancel(late.value.job.id)
        with pytest.raises(JobCancelled):
            await kiribi.result(late.value.job.id)


async def test_perform_obeys_pause() -> None:
    async with connected(performers=[Break]) as kiribi:
        await kiribi.pause(Break)
        with pytest.raises(NotFinished):
            await kiribi.perform(Break, "key", wait=0.05)
        assert (await kiribi.find_many()).jobs[0].attempts == 0


async def test_perform_without_the_class_waits_for_a_worker() -> None:
    async with connected() as kiribi:
        performing = asyncio.create_task(kiribi.perform("ELSEWHERE", {"n": 1}))
        while not (page := await kiribi.find_many()).jobs:
            await kiribi.queue.wait(kiribi.queue.mark(), 0.01)
        await finish(kiribi, page.jobs[0], {"done": True})
        assert await performing == {"done": True}


async def test_many_performs_share_one_worker_and_one_lifespan() -> None:
    class Counted(Kiribi):
        entered = 0
        left = 0

        @asynccontextmanager
        async def lifespan(self) -> AsyncIterator[str]:
            Counted.entered += 1
            await asyncio.sleep(0)
            yield "pool"
            Counted.left += 1

    async with connected(Counted, performers=[SendMail]) as kiribi:
        results = await asyncio.gather(
            *(kiribi.perform(SendMail, Mail(str(n)), first_delay=0) for n in range(20))
        )
        assert results == [str(n) for n in range(20)]
        assert len(await kiribi.workers()) == 1
        assert kiribi.app == "pool"
    assert (Counted.entered, Counted.left) == (1, 1)


async def test_a_lifespan_that_fails_is_tried_again_and_never_left() -> None:
    class Fragile(Kiribi):
        tries = 0

        @asynccontextmanager
        async def lifespan(self) -> AsyncIterator[None]:
            Fragile.tries += 1
            if Fragile.tries == 1:
                raise ConnectionError("no pool")
            yield

    async with connected(Fragile, performers=[SendMail]) as kiribi:
        with pytest.raises(ConnectionError):
            await kiribi.perform(SendMail, Mail("ann"), first_delay=0)
        assert await kiribi.perform(SendMail, Mail("ann"), first_delay=0) == "ann"
    assert Fragile.tries == 2


async def test_result_hears_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiribi._looking.LOOK_SECONDS", 3_600.0)  # rung, not looked up by chance
    async with connected() as kiribi:
        job = await kiribi.enqueue("A")
        waiting = asyncio.create_task(kiribi.result(job.id))
        await asyncio.sleep(0)
        await finish(kiribi, job, 42)
        assert await waiting == 42
        assert await kiribi.result(job.id, timeout=0) == 42


async def test_result_tells_how_it_ended_otherwise() -> None:
    async with connected() as kiribi:
        job = await kiribi.enqueue("A")
        with pytest.raises(NotFinished):
            await kiribi.result(job.id, timeout=0)
        await kiribi.cancel(job.id)
        with pytest.raises(JobCancelled):
            await kiribi.result(job.id)
        with pytest.raises(JobNotFound):
            await kiribi.result(new_id())


# Looking


async def some_ended(kiribi: Kiribi, clock: FakeClock) -> list[str]:
    """Three jobs that took 3, 1 and 2 s, and one that waits; their ids."""
    jobs = []
    for seconds in (3, 1, 2):
        clock.advance(1)
        jobs.append(await kiribi.enqueue("A", {"took": seconds}))
        await kiribi.store.enlist(WorkerInfo("w", bindings=("A",)), 1 << 40)
        (claimed,) = await kiribi.store.claim("w", ["A"], 1)
        clock.advance(seconds)
        await kiribi.store.apply([lifecycle.complete(claimed, None)])
    clock.advance(1)
    return [*(job.id for job in jobs), (await kiribi.enqueue("A")).id]


@pytest.mark.parametrize(
    ("how", "order"),
    [
        ({}, [3, 2, 1, 0]),
        ({"desc": False}, [0, 1, 2, 3]),
        ({"sort": "created_at"}, [3, 2, 1, 0]),
        ({"sort": "created_at", "desc": False}, [0, 1, 2, 3]),
        ({"sort": "processing_time"}, [0, 2, 1, 3]),
        ({"sort": "processing_time", "desc": False}, [3, 1, 2, 0]),
        ({"sort": "finished_at", "desc": False}, [3, 0, 1, 2]),
        ({"sort": "completed_at"}, [2, 1, 0, 3]),
        ({"sort": "started_at"}, [2, 1, 0, 3]),
        ({"sort": "attempts"}, [2, 1, 0, 3]),
        ({"sort": "attempts", "desc": False}, [3, 2, 1, 0]),
        ({"offset": 1}, [2, 1, 0]),
        ({"offset": 1, "limit": 2}, [2, 1]),
        ({"offset": 3, "sort": "processing_time"}, [3]),
        ({"offset": 4}, []),
        ({"limit": 1, "sort": "processing_time"}, [0]),
    ],
)
async def test_find_many_sorts_and_skips(how: dict[str, Any], order: list[int]) -> None:
    clock = FakeClock()
    async with connected(clock=clock) as kiribi:
        ids = await some_ended(kiribi, clock)
        page = await kiribi.find_many(**how)
        assert [ids.index(job.id) for job in page.jobs] == order


async def test_find_many_pages_by_keys_to_the_end() -> None:
    async with connected() as kiribi:
        jobs = await kiribi.enqueue_many([("A", n) for n in range(120)])
        seen: list[str] = []
        before: str | None = None
        while True:
            page = await kiribi.find_many(before=before)
            seen += [job.id for job in page.jobs]
            if (before := page.next) is None:
                break
        assert seen == [job.id for job in reversed(jobs)]


async def test_sorting_filters_first() -> None:
    async with connected() as kiribi:
        await kiribi.enqueue_many([("A", {"n": n % 3}) for n in range(30)])
        page = await kiribi.find_many({"payload": {"n": 1}}, sort="attempts", limit=5)
        assert [job.payload for job in page.jobs] == [{"n": 1}] * 5


async def test_what_is_no_id_is_not_found() -> None:
    async with connected() as kiribi:
        for id in ("", "abc", "\0", "\ud800", "x" * 10_000, new_id().upper()):
            assert await kiribi.find(id) is None
            assert await kiribi.logs(id) == []
            with pytest.raises(JobNotFound):
                await kiribi.retry(id)
            with pytest.raises(JobNotFound):
                await kiribi.delete(id)
            assert (await kiribi.cancel([id])).skipped[0][0] == id


async def test_explain_asks_the_store() -> None:
    async with connected() as kiribi:
        job = await kiribi.enqueue("A", first_delay=60)
        codes = [reason.code for reason in (await kiribi.explain(job.id)).reasons]
        assert codes == ["due_later", "unserved"]
        with pytest.raises(JobNotFound):
            await kiribi.explain(new_id())


# Acting


async def test_one_is_returned_or_refused_many_are_told_apart() -> None:
    async with connected() as kiribi:
        waiting, running = await kiribi.enqueue_many([("A", 1), ("B", 2)])
        await kiribi.store.enlist(WorkerInfo("w", bindings=("B",)), LEASE)
        await kiribi.store.claim("w", ["B"], 1)
        unknown = new_id()
        assert (await kiribi.cancel(waiting.id)).status is JobStatus.CANCELLED
        with pytest.raises(IllegalTransition, match="cannot cancel"):
            await kiribi.cancel(waiting.id)
        with pytest.raises(IllegalTransition, match=r"cannot delete.*PROCESSING; cancel it first"):
            await kiribi.delete(running.id)
        acted = await kiribi.delete([waiting.id, running.id, unknown, waiting.id])
        assert acted.done == (waiting.id,)
        assert dict(acted.skipped) == {
            running.id: f"cannot delete job {running.id!r}: it is PROCESSING; cancel it first",
            unknown: f"job {unknown!r} does not exist (never enqueued, deleted or pruned)",
        }
        assert await kiribi.cancel([]) == await kiribi.delete(set()) == type(acted)(())


async def test_a_filter_reaches_all_that_match() -> None:
    async with connected() as kiribi:
        await kiribi.enqueue_many([("A", {"n": n % 2}) for n in range(2_500)])
        acted = await kiribi.cancel({"payload": {"n": 1}})
        assert len(acted.done) == 1_250
        assert (await kiribi.count({"status": "CANCELLED"})).value == 1_250
        assert len((await kiribi.delete({"status": "CANCELLED"})).done) == 1_250
        assert (await kiribi.count()).value == 1_250


@pytest.mark.parametrize("action", ["delete", "retry"])
async def test_a_filter_spares_what_has_moved_on_meanwhile(
    monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    async with connected() as kiribi:
        job = await kiribi.enqueue("A")
        await kiribi.cancel(job.id)
        search = kiribi.store.search

        async def and_somebody_acts(*args: Any, **options: Any) -> Any:
            page = await search(*args, **options)
            monkeypatch.setattr(kiribi.store, "search", search)
            await kiribi.retry(job.id)
            return page

        monkeypatch.setattr(kiribi.store, "search", and_somebody_acts)
        acted = await getattr(kiribi, action)({"status": "CANCELLED"})
        assert acted.done == ()
        assert acted.skipped == ((job.id, f"job {job.id!r} has become PENDING meanwhile"),)
        assert (await kiribi.count({"status": "PENDING"})).value == 1


async def test_sweep_removes_the_old_of_some_statuses() -> None:
    clock = FakeClock()
    async with connected(clock=clock) as kiribi:
        old, kept = await kiribi.enqueue_many([("A", 1), ("B", 2)])
        await kiribi.cancel(old.id)
        clock.advance(100)
        new = await kiribi.enqueue("A")
        await kiribi.cancel(new.id)
        assert await kiribi.sweep(50, dry_run=True) == 1
        assert await kiribi.sweep(50) == 1
        assert [job.id for job in (await kiribi.find_many()).jobs] == [new.id, kept.id]
        assert await kiribi.sweep(clock.now, ["PENDING"]) == 1
        assert await kiribi.sweep() == 0


async def test_recover_takes_back_what_a_lapsed_worker_held() -> None:
    clock = FakeClock()
    async with connected(clock=clock) as kiribi:
        lost, alive, waiting = await kiribi.enqueue_many([("A", 1), ("B", 2), ("C", 3)])
        await kiribi.store.enlist(WorkerInfo("w1", bindings=("A",)), 1_000)
        await kiribi.store.enlist(WorkerInfo("w2", bindings=("B",)), LEASE)
        await kiribi.store.claim("w1", ["A"], 1)
        await kiribi.store.claim("w2", ["B"], 1)
        assert await kiribi.find_dead_jobs() == []
        clock.advance(2)
        assert [job.id for job in await kiribi.find_dead_jobs()] == [lost.id]
        with pytest.raises(IllegalTransition, match="or whose worker is lost"):
            await kiribi.recover(alive.id)
        assert await kiribi.recover(waiting.id) != []  # it waits: nothing stands against a rescue
        (job,) = await kiribi.store.find([lost.id])
        assert (job.status, job.crashes) == (JobStatus.RETRY_PENDING, 1)
        assert await kiribi.recover() == []
        with pytest.raises(JobNotFound):
            await kiribi.recover(new_id())


async def test_pause_holds_a_binding_known_in_whatever_way() -> None:
    async with connected(performers=[SendMail]) as kiribi:
        await kiribi.store.register([BindingInfo("ELSEWHERE")])
        for binding in (SendMail, "ELSEWHERE"):
            await kiribi.pause(binding)
        assert {info.name for info in await kiribi.bindings() if info.paused} == {
            "SEND_MAIL",
            "ELSEWHERE",
        }
        with pytest.raises(UnknownBinding):
            await kiribi.pause("NOWHERE")
    async with connected() as kiribi:
        await kiribi.enqueue("ENQUEUED_NEVER_SERVED")
        await kiribi.pause("ENQUEUED_NEVER_SERVED")
        assert (await kiribi.pulse()).paused == ("ENQUEUED_NEVER_SERVED",)


# Hooks


async def test_hooks_learn_what_happened(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, Any, Any, Meta]] = []

    class Told(Kiribi):
        def on_success(self, binding: str, payload: Any, result: Any, meta: Meta) -> None:
            told.append((binding, payload, result, meta))
            raise RuntimeError("changes nothing")

        async def on_failure(
            self, binding: str, payload: Any, error: BaseException, meta: Meta
        ) -> None:
            told.append((binding, payload, repr(error), meta))

    clock = FakeClock()
    async with connected(Told, performers=[SendMail, Break], clock=clock) as kiribi:
        good = await kiribi.enqueue(SendMail, Mail("ann"), first_delay=0)
        bad = await kiribi.enqueue(Break, "key", max_attempts=2)
        with caplog.at_level(logging.ERROR, "kiribi"):
            await drain(kiribi)
        assert (await kiribi.store.find([good.id]))[0].status is JobStatus.COMPLETED
    assert [one[:3] for one in told] == [
        ("SEND_MAIL", {"to": "ann"}, "ann"),
        ("BREAK", "key", "KeyError('k')"),
        ("BREAK", "key", "KeyError('k')"),
    ]
    assert [(one[3].id, one[3].attempts, one[3].is_final, one[3].params) for one in told] == [
        (good.id, 1, True, {"first_delay": 0}),
        (bad.id, 1, False, {"max_attempts": 2}),
        (bad.id, 2, True, {"max_attempts": 2}),
    ]
    assert told[0][3].started_at == clock.now
    assert [record.getMessage() for record in caplog.records] == [
        f"on_success of job {good.id} (SEND_MAIL) raised"
    ]


# Life


async def test_a_closed_manager_says_so() -> None:
    async with connected() as kiribi:
        pass
    with pytest.raises(StoreUnavailable, match="closed"):
        await kiribi.enqueue("A")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"default_max_attempts": 0}, "Mine.default_max_attempts: 0 is not allowed"),
        ({"default_timeout": -1}, "Mine.default_timeout: -1 is not allowed"),
        ({"default_priority": 10}, "Mine.default_priority: 10 is not allowed"),
        ({"default_first_delay": -1}, "Mine.default_first_delay: -1 is not allowed"),
        ({"default_retry_delay": "x"}, "Mine.default_retry_delay: 'x' is not allowed"),
        ({"default_retries": 3}, "did you mean 'default_timeout'?|known are default_max_attempts"),
        ({"retention": {JobStatus.PENDING: 1}}, "known are CANCELLED, COMPLETED, FAILED"),
        ({"retention": {JobStatus.FAILED: -1}}, "Mine.retention.FAILED.: -1 is not allowed"),
        ({"retention": {JobStatus.FAILED: math.inf}}, "is not allowed"),
    ],
)
def test_defaults_are_checked_at_the_definition(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        type("Mine", (Kiribi,), attributes)


async def test_the_manager_stands_behind_its_performers() -> None:
    class Patient(Kiribi):
        default_max_attempts = 2
        default_retry_delay = {"base": 1, "cap": 0}  # noqa: RUF012 - as JSON has it

    class Fails(Performer):
        async def perform(self, payload: None) -> None:
            raise ValueError("boom")

    async with connected(Patient, performers=[Fails, Break]) as kiribi:
        mine, its = await kiribi.enqueue_many([(Fails, None), (Break, "key")])
        await drain(kiribi)
        jobs = {job.id: job for job in await kiribi.store.find([mine.id, its.id])}
        assert (jobs[mine.id].failures, jobs[its.id].failures) == (2, 5)
        assert jobs[mine.id].error is not None
        assert jobs[mine.id].error.type == "ValueError"


async def test_the_managers_defaults_of_priority_and_first_delay_stand_behind() -> None:
    class Hurried(Kiribi):
        default_priority = 7
        default_first_delay = 5

    clock = FakeClock()
    async with connected(Hurried, performers=[SendMail, Break], clock=clock) as kiribi:
        now = await kiribi.store.now_ms()
        mine = await kiribi.enqueue(Break, "key")
        assert (mine.priority, mine.due_ms) == (7, now + 5_000)
        performers = await kiribi.enqueue(SendMail, Mail("ann"))
        assert (performers.priority, performers.due_ms) == (3, now + 60_000)
        given = await kiribi.enqueue(Break, "key", priority=0, first_delay=0)
        assert (given.priority, given.due_ms) == (0, now)
        await kiribi.register(["BREAK"])
        elsewhere = Kiribi()
        elsewhere.bind(kiribi.store, kiribi.queue, ())
        known = await elsewhere.enqueue("BREAK", "key")
        assert (known.priority, known.due_ms) == (7, now + 5_000)
        unheard = await elsewhere.enqueue("NOBODYS")
        assert (unheard.priority, unheard.due_ms) == (0, now)


@pytest.mark.parametrize("name", ["store", "queue", "performers", "source"])
def test_a_manager_on_no_database_says_so(name: str) -> None:
    with pytest.raises(NotConnected, match="async with"):
        getattr(Kiribi(), name)


async def test_nothing_can_be_asked_of_a_manager_on_no_database() -> None:
    for call in (
        Kiribi().enqueue("X"),
        Kiribi().find("01900000-0000-7000-8000-000000000000"),
        Kiribi().cancel("x"),
        Kiribi().perform("X"),
        Kiribi().stats(),
    ):
        with pytest.raises(NotConnected):
            await call
    with pytest.raises(AttributeError, match="'Kiribi' object has no attribute 'enqueu'"):
        getattr(Kiribi(), "enqueu")  # noqa: B009 - the type checker would tell


async def test_a_retry_is_refused_while_another_holds_the_key() -> None:
    async with connected(performers=[]) as kiribi:
        first = await kiribi.enqueue("A", {"n": 1}, unique=True)
        await kiribi.cancel(first.id)
        second = await kiribi.enqueue("A", {"n": 1}, unique=Unique(on_conflict="raise"))
        with pytest.raises(Duplicate) as refusal:
            await kiribi.retry(first.id)
        assert refusal.value.job.id == second.id
        acted = await kiribi.retry([first.id, second.id])
        assert {id for id, _ in acted.skipped} == {first.id, second.id}
        with pytest.raises(Duplicate):
            await kiribi.enqueue("A", {"n": 1}, unique=Unique(on_conflict="raise"))
        other = await kiribi.enqueue("A", {"n": 1}, unique=False)
        assert not other.duplicate
