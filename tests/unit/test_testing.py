"""`kiribi.testing`, as users use it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from kiribi import (
    Discard,
    InvalidPayload,
    JobStatus,
    Kiribi,
    KiribiTimeoutError,
    Meta,
    Performer,
    Retry,
    Snooze,
)
from kiribi.testing import FakeClock, assert_enqueued, connected, drain, run

DAY = 86_400


@dataclass
class Mail:
    to: str
    text: str = ""


class SendMail(Performer):
    retry_delay = 60

    async def perform(self, payload: Mail) -> str:
        if payload.to == "nobody":
            raise LookupError("nobody")
        self.log(f"to {payload.to}")
        self.progress(0.5, "half")
        return f"sent by {self.app}"


class Digest(Performer):
    priority = 5

    def perform(self, payload: dict[str, Any]) -> int:
        assert threading.current_thread() is not threading.main_thread()
        return len(payload)


class Remind(Performer):
    kiribi: Kiribi

    async def perform(self, payload: str) -> None:
        await self.kiribi.enqueue(SendMail, Mail(payload, text="again"), first_delay=DAY)
        await self.kiribi.enqueue(Digest, {"to": payload})


class Restless(Performer):
    async def perform(self, payload: None) -> None:
        raise Snooze(0)


class Slow(Performer):
    timeout = 0.01

    async def perform(self, payload: None) -> None:
        await self.once("wait", lambda _: None)
        import asyncio

        await asyncio.Event().wait()


class Default(Kiribi):
    told: list[tuple[str, Any, bool]]

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[str]:
        self.told = []
        yield "smtp"

    def on_success(self, binding: str, payload: Any, result: Any, meta: Meta) -> None:
        self.told.append((binding, result, meta.is_final))

    async def on_failure(
        self, binding: str, payload: Any, error: BaseException, meta: Meta
    ) -> None:
        self.told.append((binding, str(error), meta.is_final))


async def test_drain_runs_what_is_due_and_what_that_enqueues() -> None:
    clock = FakeClock()
    async with connected(Default, clock=clock) as kiribi:
        Remind.kiribi = kiribi
        await kiribi.enqueue(Remind, "ann")
        ran = await drain(kiribi)
        assert [(job.binding, job.status) for job in ran] == [
            ("REMIND", JobStatus.COMPLETED),
            ("DIGEST", JobStatus.COMPLETED),
        ]
        assert await drain(kiribi) == []
        clock.advance(DAY)
        (mail,) = await drain(kiribi)
        assert mail.result == "sent by smtp"
        assert mail.progress == (0.5, "half")
        assert [line.message for _, line in await kiribi.logs(mail.id)] == ["to ann"]
        assert kiribi.told == [
            ("REMIND", None, True),
            ("DIGEST", 1, True),
            ("SEND_MAIL", "sent by smtp", True),
        ]
        assert await kiribi.workers() == []


async def test_time_stands_still_and_retries_wait_for_it() -> None:
    clock = FakeClock(datetime(2031, 2, 3, tzinfo=UTC))
    async with connected(Default, clock=clock) as kiribi:
        job = await kiribi.enqueue(SendMail, Mail("nobody"), max_attempts=2)
        assert job.created_at == clock.now
        (failed,) = await drain(kiribi)
        assert (failed.status, failed.failures) == (JobStatus.RETRY_PENDING, 1)
        assert failed.finished_at == clock.now
        clock.advance(59.999)
        assert await drain(kiribi) == []
        clock.advance(0.001)
        (failed,) = await drain(kiribi)
        assert (failed.status, failed.failures) == (JobStatus.FAILED, 2)
        assert kiribi.told == [("SEND_MAIL", "nobody", False), ("SEND_MAIL", "nobody", True)]


class Patient(Performer):
    @staticmethod
    def retry_delay(failures: int) -> float:
        return 10 * failures

    async def perform(self, payload: None) -> None:
        raise ValueError


async def test_a_function_beside_the_performer_says_how_long() -> None:
    clock = FakeClock()
    async with connected(performers=[Patient], clock=clock) as kiribi:
        await kiribi.enqueue(Patient, None)
        for seconds in (10, 20):
            (job,) = await drain(kiribi)
            assert job.due_ms - clock() == seconds * 1_000
            clock.advance(seconds)
        (job,) = await drain(kiribi)
        assert job.status is JobStatus.FAILED


async def test_drain_goes_by_priority_one_at_a_time() -> None:
    async with connected(Default) as kiribi:
        await kiribi.enqueue(SendMail, Mail("ann"))
        await kiribi.enqueue(Digest, {})
        await kiribi.enqueue(SendMail, Mail("bob"), priority=9)
        assert [job.binding for job in await drain(kiribi)] == ["SEND_MAIL", "DIGEST", "SEND_MAIL"]


async def test_drain_ends_though_a_job_does_not() -> None:
    async with connected(Default) as kiribi:
        await kiribi.enqueue(Restless, None)
        with pytest.raises(AssertionError, match=r"RESTLESS\) is due for ever"):
            await drain(kiribi)


async def test_paused_bindings_are_left_alone() -> None:
    async with connected(Default) as kiribi:
        await kiribi.pause(Digest)
        await kiribi.enqueue(Digest, {})
        assert await drain(kiribi) == []
        await kiribi.resume(Digest)
        assert len(await drain(kiribi)) == 1


async def test_assert_enqueued() -> None:
    async with connected(performers=[SendMail, Digest]) as kiribi:
        await kiribi.enqueue(SendMail, Mail("ann", "x" * 5_000))
        await kiribi.enqueue(Digest, {"user": {"id": 1, "name": "Ann"}, "tags": [1, 2]})
        (mail,) = await assert_enqueued(kiribi, SendMail, {"to": "ann"})
        assert mail.payload["text"] == "x" * 5_000
        assert await assert_enqueued(kiribi, "SEND_MAIL", times=1) == [mail]
        await assert_enqueued(kiribi, Digest, {"user": {"id": 1}})
        await assert_enqueued(kiribi, Digest, {"tags": [1, 2]})
        await assert_enqueued(kiribi, Digest, {"tags": [1]}, times=0)
        await assert_enqueued(kiribi, SendMail, Mail("ann", "x" * 5_000))
        with pytest.raises(AssertionError) as failure:
            await assert_enqueued(kiribi, Digest, {"user": {"id": 2}})
        assert str(failure.value).splitlines()[0] == (
            "expected at least 1 job of DIGEST with {'user': {'id': 2}}, found 0; enqueued were"
        )
        assert "  DIGEST with {'user': {'id': 1, 'name': 'Ann'}" in str(failure.value)
        with pytest.raises(AssertionError, match="expected 2 jobs of SEND_MAIL, found 1"):
            await assert_enqueued(kiribi, SendMail, times=2)


async def test_assert_enqueued_reads_every_page() -> None:
    async with connected() as kiribi:
        await kiribi.enqueue_many([("A", {"n": n}) for n in range(2_500)])
        found = await assert_enqueued(kiribi, "A", times=2_500)
        assert [job.payload["n"] for job in found] == list(range(2_500))


async def test_run_performs_without_a_manager() -> None:
    assert await run(SendMail, Mail("ann"), app="nobody") == "sent by nobody"
    assert await run(Digest, {"a": 1}) == 1


class Environment(Performer):
    async def perform(self, payload: None) -> list[Any]:
        return [self.env["KEY"], self.job.attempts, self.cancelled, await self.once("x", len)]


async def test_run_gives_a_real_attempt() -> None:
    first, attempts, cancelled, length = await run(Environment, None, env={"KEY": "v"})
    assert (first, attempts, cancelled) == ("v", 1, False)
    assert length == len("01234567-0123-0123-0123-012345678901:x")


class Says(Performer):
    first_delay = 60

    async def perform(self, payload: str) -> Any:
        raise {"retry": Retry("r"), "discard": Discard("d"), "value": ValueError("v")}[payload]


@pytest.mark.parametrize(
    ("says", "error"), [("retry", Retry), ("discard", Discard), ("value", ValueError)]
)
async def test_run_raises_what_the_performer_raises(says: str, error: type[BaseException]) -> None:
    with pytest.raises(error):
        await run(Says, says)


async def test_run_checks_payload_and_timeout() -> None:
    with pytest.raises(InvalidPayload):
        await run(SendMail, 3)
    with pytest.raises(KiribiTimeoutError):
        await run(Slow)


async def test_drain_carries_out_bulk_actions_begun_before() -> None:
    async with connected(Default) as kiribi:
        late = await kiribi.enqueue_many([(Digest, {}, {"first_delay": DAY})] * 1_100)
        action = await kiribi.start_action("run_now", {"binding": "DIGEST"})
        ran = await drain(kiribi)
        assert {job.id for job in ran} == {job.id for job in late}
        assert (await kiribi.action(action.id)).done == 1_100
        assert await drain(kiribi) == []
