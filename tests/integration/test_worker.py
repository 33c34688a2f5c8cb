"""Jobs in a worker: outcomes, hooks, timeouts, cancellation, what performers write."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.integration.worker_world import appears, ended, managing, until, working

from kiribi import JobStatus, Kiribi, LeaseLost, NotFinished, Outcome
from kiribi.runtimes.worker import Worker

APP = """
import asyncio, contextlib, os, threading, time
from pathlib import Path
from kiribi import Cancel, Discard, Kiribi, Performer, Retry, Snooze

HERE = Path(__file__).parent

class Return(Performer):
    async def perform(self, payload):
        return payload

class ReturnInThread(Performer):
    def perform(self, payload):
        assert threading.current_thread() is not threading.main_thread()
        return payload

class Bad(Performer):
    max_attempts = 1
    async def perform(self, payload):
        return {"set": {1}}

class Raise(Performer):
    max_attempts = 2
    retry_delay = 0
    async def perform(self, payload):
        raise ValueError(payload)

class Exit(Performer):
    max_attempts = 1
    def perform(self, payload):
        raise SystemExit(payload)

class Base(BaseException):
    pass

class RaiseBase(Performer):
    max_attempts = 1
    async def perform(self, payload):
        raise Base("panic")

class Signal(Performer):
    async def perform(self, payload):
        if self.job.attempts > 1:
            return self.job.attempts
        if payload == "retry": raise Retry("again", after=0)
        if payload == "snooze": raise Snooze(0, "not yet")
        if payload == "discard": raise Discard("hopeless")
        if payload == "cancel": raise Cancel("no need")

class BadDelay(Performer):
    max_attempts = 2
    @staticmethod
    def retry_delay(failures):
        raise RuntimeError("no idea")
    async def perform(self, payload):
        raise ValueError

class Sleep(Performer):
    timeout = 0.2
    max_attempts = 1
    async def perform(self, payload):
        (HERE / "started").write_text("")
        await asyncio.sleep(60)

class SwallowAsync(Performer):
    timeout = 0.1
    max_attempts = 1
    async def perform(self, payload):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "late"

class Spin(Performer):
    max_attempts = 1
    def perform(self, payload):
        (HERE / "started").write_text("")
        while True:
            time.sleep(0.001)

class SwallowInThread(Performer):
    timeout = 0.1
    max_attempts = 1
    def perform(self, payload):
        (HERE / "swallowing").write_text("")
        try:
            while True:
                time.sleep(0.001)
        except BaseException:
            (HERE / "swallowed").write_text("")
        while not (HERE / "go").exists():
            time.sleep(0.001)
        return "late"

class Hold(Performer):
    async def perform(self, payload):
        (HERE / "started").write_text("")
        try:
            await asyncio.Event().wait()
        finally:
            (HERE / "cleaned").write_text(str(self.cancelled))

class Report(Performer):
    async def perform(self, payload):
        for n in range(3):
            self.log(f"line {n}")
        self.log("careful \\x00 \\ud800", level="warning")
        self.progress(0.25, "a quarter")

class ReportInThread(Performer):
    def perform(self, payload):
        for n in range(100):
            self.log(str(n))
        self.progress(1, "all")

class Once(Performer):
    max_attempts = 2
    retry_delay = 0
    async def perform(self, payload):
        async def step(key):
            with (HERE / "effects").open("a") as file:
                file.write(key + "\\n")
            return {"attempt": self.job.attempts}
        got = await self.once("charge", step)
        if self.job.attempts == 1:
            raise ValueError("after the effect")
        return got

class OnceInThread(Performer):
    max_attempts = 2
    retry_delay = 0
    def perform(self, payload):
        got = self.once("charge", lambda key: [key, self.job.attempts])
        if self.job.attempts == 1:
            raise ValueError("after the effect")
        return got

class OnceTooLate(Performer):
    max_attempts = 1
    async def perform(self, payload):
        (HERE / "started").write_text("")
        while not (HERE / "go").exists():
            await asyncio.sleep(0.001)
        await self.once("x", lambda key: 1)

class Env(Performer):
    async def perform(self, payload):
        return [self.app, self.env.get("KIRIBI_TEST"), self.deadline is None]

class Default(Kiribi):
    @contextlib.asynccontextmanager
    async def lifespan(self):
        with (HERE / "lifespan").open("a") as file:
            file.write("in ")
        yield "the app"
        with (HERE / "lifespan").open("a") as file:
            file.write("out")
"""

HOOKS = """
import asyncio, json
from pathlib import Path
from kiribi import Kiribi, Performer

HERE = Path(__file__).parent

class Job(Performer):
    max_attempts = 2
    retry_delay = 0
    async def perform(self, payload):
        if payload == "bad":
            raise ValueError("bad")
        return payload

def told(*facts):
    with (HERE / "told").open("a") as file:
        file.write(json.dumps(facts) + "\\n")

class Default(Kiribi):
    async def on_success(self, binding, payload, result, meta):
        stored = await self.find(meta.id)
        told("success", binding, payload, result, meta.attempts, meta.is_final, stored.status)
        raise RuntimeError("a hook changes nothing")

    def on_failure(self, binding, payload, error, meta):
        params = dict(meta.params)
        told("failure", binding, payload, str(error), meta.attempts, meta.is_final, params)
"""


def test_return_values(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            for binding in ("RETURN", "RETURN_IN_THREAD"):
                for value in ({"a": [1, None, "é"]}, "text", 3, 1.5, True, None):
                    job = await kiribi.enqueue(binding, value)
                    assert await kiribi.result(job.id, timeout=20) == value
            job = await ended(kiribi, await kiribi.enqueue("BAD"))
            assert job.status is JobStatus.FAILED
            assert job.error is not None
            assert "return value of type dict" in job.error.message
            assert "set is not JSON" in job.error.message
            assert job.error.traceback.startswith("kiribi.errors.InvalidPayload")

    asyncio.run(run())


def test_raising_is_failure(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await ended(kiribi, await kiribi.enqueue("RAISE", "oops"))
            assert (job.status, job.attempts, job.failures) == (JobStatus.FAILED, 2, 2)
            assert job.error is not None
            assert (job.error.type, job.error.message) == ("ValueError", "oops")
            # The user's code is where the traceback begins.
            assert job.error.traceback.count("File") == 1
            assert 'app.py", line' in job.error.traceback
            assert [a.outcome for a in job.history] == [Outcome.FAILED] * 2
            for binding, kind in (("EXIT", "SystemExit"), ("RAISE_BASE", "Base")):
                job = await ended(kiribi, await kiribi.enqueue(binding, 3))
                assert job.status is JobStatus.FAILED
                assert job.error is not None
                assert job.error.type == kind

    asyncio.run(run())


def test_signals(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            for word, status, failures, outcome in (
                ("retry", JobStatus.COMPLETED, 1, Outcome.FAILED),
                ("snooze", JobStatus.COMPLETED, 0, Outcome.SNOOZED),
                ("discard", JobStatus.FAILED, 1, Outcome.FAILED),
                ("cancel", JobStatus.CANCELLED, 0, Outcome.CANCELLED),
            ):
                job = await ended(kiribi, await kiribi.enqueue("SIGNAL", word))
                assert (job.status, job.failures) == (status, failures), word
                assert job.history[0].outcome is outcome

    asyncio.run(run())


def test_a_retry_delay_that_raises_does_not_lose_the_job(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await kiribi.enqueue("BAD_DELAY")

            async def failed() -> bool:
                found = await kiribi.find(job.id)
                return found is not None and found.failures > 0

            assert await until(failed)

    asyncio.run(run())


@pytest.mark.parametrize("binding", ["SLEEP", "SWALLOW_ASYNC"])
def test_a_coroutine_runs_out_of_time(tmp_path: Path, binding: str) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await ended(kiribi, await kiribi.enqueue(binding))
            assert job.status is JobStatus.FAILED
            assert job.error is not None
            assert job.error.type == "KiribiTimeoutError"
            if binding == "SLEEP":  # the traceback says where it was
                assert "await asyncio.sleep(60)" in job.error.traceback

    asyncio.run(run())


def test_a_thread_runs_out_of_time(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await ended(kiribi, await kiribi.enqueue("SPIN", timeout=0.1))
            assert job.error is not None
            assert job.error.type == "KiribiTimeoutError"
            assert "0.1 s" in job.error.message
            assert "time.sleep(0.001)" in job.error.traceback

    asyncio.run(run())


def test_a_thread_holds_its_slot_until_it_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP, concurrency=1) as kiribi:
            stubborn = await kiribi.enqueue("SWALLOW_IN_THREAD")
            await appears(tmp_path / "swallowed")
            waiting = await kiribi.enqueue("RETURN_IN_THREAD", 1)
            with pytest.raises(NotFinished):
                await kiribi.result(waiting.id, timeout=0.3)
            found = await kiribi.find(stubborn.id)
            assert found is not None
            assert found.status is JobStatus.PROCESSING
            (tmp_path / "go").write_text("")
            job = await ended(kiribi, stubborn)
            assert job.error is not None
            assert job.error.type == "KiribiTimeoutError"
            assert await kiribi.result(waiting.id, timeout=20) == 1

    asyncio.run(run())


@pytest.mark.parametrize("binding", ["HOLD", "SPIN"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_cancel_of_a_running_job(tmp_path: Path, binding: str, elsewhere: bool) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await kiribi.enqueue(binding)
            await appears(tmp_path / "started")
            if elsewhere:
                async with Kiribi.connect(f"sqlite:///{tmp_path}/jobs.db") as other:
                    await other.cancel(job.id)
            else:
                await kiribi.cancel(job.id)
            job = await ended(kiribi, job)
            assert job.status is JobStatus.CANCELLED
            assert [a.outcome for a in job.history] == [Outcome.CANCELLED]
            if binding == "HOLD":
                assert (tmp_path / "cleaned").read_text() == "True"

    asyncio.run(run())


def test_log_and_progress(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await ended(kiribi, await kiribi.enqueue("REPORT"))
            lines = [line for _, line in await kiribi.logs(job.id)]
            assert [line.message for line in lines][:3] == ["line 0", "line 1", "line 2"]
            assert lines[3].level == "warning"
            assert {line.attempt for line in lines} == {1}
            assert job.progress == (0.25, "a quarter")
            job = await ended(kiribi, await kiribi.enqueue("REPORT_IN_THREAD"))
            lines = [line for _, line in await kiribi.logs(job.id)]
            assert [line.message for line in lines] == [str(n) for n in range(100)]
            assert job.progress == (1.0, "all")

    asyncio.run(run())


def test_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await ended(kiribi, await kiribi.enqueue("ONCE"))
            assert (job.result, job.attempts) == ({"attempt": 1}, 2)
            assert (tmp_path / "effects").read_text() == f"{job.id}:charge\n"
            job = await ended(kiribi, await kiribi.enqueue("ONCE_IN_THREAD"))
            assert job.result == [f"{job.id}:charge", 1]

    asyncio.run(run())


def test_once_is_fenced(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            async with Worker(kiribi, bindings=["ONCE_TOO_LATE"]) as worker:
                job = await kiribi.enqueue("ONCE_TOO_LATE")
                await appears(tmp_path / "started")
                # Somebody else believes this worker dead, and takes its job.
                await kiribi.store.bury({worker.id: "a test"})
                await kiribi.recover()
                running = kiribi.running[job.id]
                (tmp_path / "go").write_text("")

                async def over() -> bool:
                    return job.id not in kiribi.running

                await until(over)
                with pytest.raises(LeaseLost):
                    await running.once("x", lambda _: 1)
            assert await kiribi.store.step(job.id, "x") is None
            found = await kiribi.find(job.id)
            assert found is not None
            assert [a.outcome for a in found.history] == [Outcome.CRASHED]

    asyncio.run(run())


def test_lifespan_app_and_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIBI_TEST", "from the environment")

    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            for _ in range(2):
                job = await kiribi.enqueue("ENV")
                got = await kiribi.result(job.id, timeout=20)
                assert got == ["the app", "from the environment", True]
        assert (tmp_path / "lifespan").read_text() == "in out"

    asyncio.run(run())


def test_hooks(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, HOOKS) as kiribi:
            good = await kiribi.enqueue("JOB", {"n": 1}, priority=2)
            bad = await kiribi.enqueue("JOB", "bad", priority=3)
            assert (await ended(kiribi, good)).status is JobStatus.COMPLETED
            assert (await ended(kiribi, bad)).status is JobStatus.FAILED
        # Leaving the worker waits for its hooks.
        told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
        assert sorted(told, key=str) == [
            ["failure", "JOB", "bad", "bad", 1, False, {"priority": 3}],
            ["failure", "JOB", "bad", "bad", 2, True, {"priority": 3}],
            ["success", "JOB", {"n": 1}, {"n": 1}, 1, True, "COMPLETED"],
        ]

    asyncio.run(run())


def test_shutdown_lets_work_finish_then_hands_it_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            worker = Worker(kiribi)
            await worker.__aenter__()
            held = await kiribi.enqueue("HOLD")
            await appears(tmp_path / "started")
            assert await worker.stop(grace=0.1) == []
            job = await kiribi.find(held.id)
            assert job is not None
            assert (job.status, job.attempts) == (JobStatus.PENDING, 1)
            assert (job.failures, job.crashes) == (0, 0)
            assert [a.outcome for a in job.history] == [Outcome.RELEASED]
            assert await kiribi.workers() == []

    asyncio.run(run())


def test_a_thread_that_does_not_stop_keeps_its_job_and_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kiribi.runtimes.worker.STOP_SECONDS", 0.2)

    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            worker = Worker(kiribi)
            await worker.__aenter__()
            job = await kiribi.enqueue("SWALLOW_IN_THREAD", timeout=60)
            await appears(tmp_path / "swallowing")
            assert await worker.stop(grace=0) == [job.id]
            (info,) = await kiribi.workers()
            assert info.dead_reason is None
            found = await kiribi.find(job.id)
            assert found is not None
            assert found.status is JobStatus.PROCESSING
            (tmp_path / "go").write_text("")

            async def over() -> bool:
                now = await kiribi.find(job.id)
                return now is not None and now.status is JobStatus.COMPLETED

            assert await until(over)

    asyncio.run(run())


def test_perform_here(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            assert await kiribi.perform("RETURN", [1]) == [1]
            assert await kiribi.perform("RETURN_IN_THREAD", "x") == "x"
            values = await asyncio.gather(*(kiribi.perform("RETURN", n) for n in range(50)))
            assert values == list(range(50))
            with pytest.raises(ValueError, match="oops"):
                await kiribi.perform("RAISE", "oops")
            with pytest.raises(NotFinished):
                await kiribi.perform("HOLD", wait=0.2)
            (tmp_path / "started").unlink()
            # What its caller gave up still runs, and is handed back at the end.
            task = asyncio.ensure_future(kiribi.perform("SPIN"))
            await appears(tmp_path / "started")
            task.cancel()
        async with managing(tmp_path, APP) as kiribi:
            page = await kiribi.find_many({"status": "PENDING"})
            assert sorted(job.binding for job in page.jobs) == ["HOLD", "SPIN"]
            assert await kiribi.workers() == []

    asyncio.run(run())
