"""`executor = "process"`: what child processes do, and what becomes of them."""

from __future__ import annotations

import asyncio
import importlib
import os
import resource
import sys
import textwrap
from pathlib import Path

import pytest
from tests.integration.worker_world import appears, ended, managing, until, working

from kiribi import JobStatus, Kiribi, LeaseLost, Outcome
from kiribi.ports import WorkerInfo
from kiribi.runtimes.worker import Worker

APP = """
import asyncio, contextlib, ctypes, dataclasses, multiprocessing, os, subprocess, sys, time
from pathlib import Path
from kiribi import Cancel, Discard, Kiribi, Performer, Retry, Snooze

HERE = Path(__file__).parent

class OwnError(Exception):
    pass

@dataclasses.dataclass
class Point:
    x: int
    y: int

class Process(Performer):
    executor = "process"
    max_attempts = 1
    def perform(self, payload: dict):
        return getattr(self, payload["do"])(*payload.get("with", []))

    def pid(self):
        return os.getpid()

    def where(self):
        return [os.getpid() == self.app, self.env["KIRIBI_TEST"], self.job.id, self.job.attempts]

    def noise(self):
        print("on standard output")
        os.write(1, b"raw\\n" * 1000)
        print("on standard error", file=sys.stderr)
        return "unharmed"

    def large(self):
        return "x" * 900_000

    def fail(self):
        raise OwnError("with a reason")

    def unreturnable(self):
        return object()

    def signal(self, name):
        if self.job.attempts > 1:
            return self.job.attempts
        if name == "retry": raise Retry("again", after=0)
        if name == "snooze": raise Snooze(0, "not yet")
        if name == "discard": raise Discard("hopeless")
        if name == "cancel": raise Cancel("no need")

    def exit(self, code):
        os._exit(code)

    def segfault(self):
        ctypes.string_at(0)

    def report(self):
        for n in range(50):
            self.log(f"line {n}", level="debug")
        self.progress(0.5, "half")
        return self.deadline is not None

    def step(self):
        got = self.once("charge", lambda key: [key, self.job.attempts])
        if self.job.attempts == 1:
            raise Retry("after the effect", after=0)
        return got

    def late_step(self):
        (HERE / "started").write_text("")
        while not (HERE / "go").exists():
            time.sleep(0.001)
        try:
            self.once("charge", lambda key: 1)
        except Exception as error:
            (HERE / "raised").write_text(type(error).__name__)
            raise

    def sleep_in_c(self):
        (HERE / "started").write_text("")
        self.log("still here")
        time.sleep(60)

    def spin(self):
        (HERE / "started").write_text("")
        try:
            while True:
                time.sleep(0.001)
        finally:
            (HERE / "cleaned").write_text(str(self.cancelled))

    def pool(self):
        # Leaving it terminates its processes.
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(abs, [-1, -2])

    def grandchild(self):
        child = subprocess.Popen(["sleep", "60"])
        (HERE / "grandchild").write_text(str(child.pid))
        child.wait()

class AsyncProcess(Performer):
    executor = "process"
    async def perform(self, payload: Point):
        got = await self.once("twice", self.twice(payload.x))
        if payload.y:
            (HERE / "started").write_text("")
            try:
                await asyncio.sleep(payload.y)
            finally:
                (HERE / "cleaned").write_text(str(self.cancelled))
        return got

    def twice(self, x):
        async def step(key):
            await asyncio.sleep(0)
            return 2 * x
        return step

class Default(Kiribi):
    @contextlib.asynccontextmanager
    async def lifespan(self):
        yield os.getpid()
        with (HERE / "left").open("a") as file:
            file.write(f"{os.getpid()}\\n")
"""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")  # it may be dead, and nobody have asked for its exit code
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


async def do(kiribi: Kiribi, do: str, *args: object, **options: object) -> object:
    job = await kiribi.enqueue("PROCESS", {"do": do, "with": args}, **options)
    return await kiribi.result(job.id, timeout=20)


def test_children_are_kept_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIBI_TEST", "from the environment")

    async def run() -> object:
        async with working(tmp_path, APP, concurrency=1) as kiribi:
            first = await do(kiribi, "pid")
            assert first != os.getpid()
            assert await do(kiribi, "pid") == first
            assert await do(kiribi, "noise") == "unharmed"
            assert await do(kiribi, "large") == "x" * 900_000
            assert await do(kiribi, "pool") == [1, 2]
            job = await kiribi.enqueue("PROCESS", {"do": "where"})
            got = await kiribi.result(job.id, timeout=20)
            assert got == [True, "from the environment", job.id, 1]
            return first

    child = asyncio.run(run())
    # Its lifespan was entered once, and left before it ended.
    assert str(child) in (tmp_path / "left").read_text().splitlines()
    assert gone(int(str(child)))


def test_async_and_typed(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await kiribi.enqueue("ASYNC_PROCESS", {"x": 21, "y": 0})
            assert await kiribi.result(job.id, timeout=20) == 42

    asyncio.run(run())


def test_errors_keep_their_type_and_traceback(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            job = await ended(kiribi, await kiribi.enqueue("PROCESS", {"do": "fail"}))
            assert job.status is JobStatus.FAILED
            assert job.error is not None
            assert (job.error.type, job.error.message) == ("OwnError", "with a reason")
            lines = job.error.traceback.splitlines()
            assert lines[0] == "Traceback (most recent call last):"
            assert "app.py" in lines[1]
            assert "executors" not in job.error.traceback
            more = await kiribi.enqueue("PROCESS", {"do": "unreturnable"}, max_attempts=5)
            job = await ended(kiribi, more)
            assert (job.status, job.attempts) == (JobStatus.FAILED, 1)
            assert job.error is not None
            assert job.error.type == "InvalidPayload"
            assert "return value of type object" in job.error.message

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
                payload = {"do": "signal", "with": [word]}
                new = await kiribi.enqueue("PROCESS", payload, max_attempts=3)
                job = await ended(kiribi, new)
                assert (job.status, job.failures) == (status, failures), word
                assert job.history[0].outcome is outcome

    asyncio.run(run())


@pytest.mark.parametrize(
    ("act", "says"), [("exit", "exit code 3"), ("segfault", "killed by SIGSEGV")]
)
def test_a_child_that_dies_takes_only_its_job(tmp_path: Path, act: str, says: str) -> None:
    async def run() -> None:
        async with working(tmp_path, APP, concurrency=2) as kiribi:
            arguments = [3] if act == "exit" else []
            new = await kiribi.enqueue("PROCESS", {"do": act, "with": arguments})
            others = await kiribi.enqueue_many(
                [("ASYNC_PROCESS", {"x": n, "y": 0}) for n in range(5)]
            )
            job = await ended(kiribi, new)
            assert (job.status, job.failures, job.crashes) == (JobStatus.FAILED, 0, 3)
            assert [a.outcome for a in job.history] == [Outcome.CRASHED] * 3
            assert job.error is not None
            assert job.error.type == "WorkerCrashed"
            assert says in job.error.message
            assert job.error.origin == str(job.error.exit) == says
            (group,) = await kiribi.failures(bindings=["PROCESS"])
            assert (group.number, group.origin, group.job_id) == (3, says, job.id)
            (reason,) = (await kiribi.explain(job.id)).reasons
            assert (reason.code, reason.params["crashes"]) == ("crashed", 3)
            for other in others:
                other = await ended(kiribi, other)
                assert (other.status, other.attempts) == (JobStatus.COMPLETED, 1)

    asyncio.run(run())


def test_quarantine_says_what_it_died_of_and_retry_ends_it(tmp_path: Path) -> None:
    app = """
        import os, signal
        from pathlib import Path
        from kiribi import Performer

        class Greedy(Performer):
            executor = "process"
            def perform(self, payload):
                if not Path(payload["harmless"]).exists():
                    memory = b"x" * payload["bytes"]
                    os.kill(os.getpid(), signal.SIGKILL)
                return "modest"
    """

    async def run() -> None:
        async with working(tmp_path, textwrap.dedent(app)) as kiribi:
            harmless = tmp_path / "harmless"
            # A child starts with its parent's peak: only more than that is its own.
            greed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 300_000_000
            new = await kiribi.enqueue("GREEDY", {"harmless": str(harmless), "bytes": greed})
            job = await ended(kiribi, new)
            assert (job.status, job.reason) == (JobStatus.FAILED, "crashed")
            assert job.error is not None
            assert job.error.exit is not None
            assert (job.error.exit.signal, job.error.exit.code) == ("SIGKILL", None)
            assert job.error.exit.peak_memory is not None
            assert greed < job.error.exit.peak_memory < greed + 600e6
            assert "MB of memory: the machine may have run out of it" in job.error.message
            assert [j.id for j in (await kiribi.find_many({"reason": "crashed"})).jobs] == [job.id]
            harmless.touch()
            await kiribi.retry({"reason": "crashed"})
            job = await ended(kiribi, new)
            assert (job.result, job.crashes, job.attempts, job.reason) == ("modest", 0, 4, None)

    asyncio.run(run())


def test_a_failure_is_of_the_same_cause_in_a_child(tmp_path: Path) -> None:
    app = """
        import json
        from kiribi import Performer

        def parse(text):
            return json.loads(text)

        class Here(Performer):
            max_attempts = 1
            binding = "PARSE_HERE"
            async def perform(self, payload):
                return parse(payload)

        class InThread(Here):
            binding = "PARSE_IN_THREAD"
            def perform(self, payload):
                return parse(payload)

        class InChild(InThread):
            binding = "PARSE_IN_CHILD"
            executor = "process"
    """

    async def run() -> None:
        async with working(tmp_path, textwrap.dedent(app)) as kiribi:
            for binding in ("PARSE_HERE", "PARSE_IN_THREAD", "PARSE_IN_CHILD"):
                for text in ("{", "["):
                    await ended(kiribi, await kiribi.enqueue(binding, text))
                (group,) = await kiribi.failures(bindings=[binding])
                assert (group.number, group.type) == (2, "JSONDecodeError")
                assert group.origin == "app:parse"

    asyncio.run(run())


def test_log_progress_deadline_and_once_go_through_the_pipe(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            new = await kiribi.enqueue("PROCESS", {"do": "report"}, timeout=30)
            job = await ended(kiribi, new)
            assert job.result is True
            assert job.progress == (0.5, "half")
            lines = [line for _, line in await kiribi.logs(job.id)]
            assert [line.message for line in lines] == [f"line {n}" for n in range(50)]
            assert {(line.level, line.attempt) for line in lines} == {("debug", 1)}
            new = await kiribi.enqueue("PROCESS", {"do": "step"}, max_attempts=2)
            job = await ended(kiribi, new)
            assert job.result == [f"{job.id}:charge", 1]

    asyncio.run(run())


def test_once_is_fenced(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            async with Worker(kiribi) as worker:
                job = await kiribi.enqueue("PROCESS", {"do": "late_step"})
                await appears(tmp_path / "started")
                await kiribi.store.bury({worker.id: "a test"})
                await kiribi.recover()
                (tmp_path / "go").write_text("")
                await appears(tmp_path / "raised")
            assert (tmp_path / "raised").read_text() == LeaseLost.__name__
            assert await kiribi.store.step(job.id, "charge") is None

    asyncio.run(run())


def test_out_of_time_it_is_killed_and_replaced(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP, concurrency=1) as kiribi:
            first = await do(kiribi, "pid")
            new = await kiribi.enqueue("PROCESS", {"do": "sleep_in_c"}, timeout=0.3)
            job = await ended(kiribi, new)
            assert job.error is not None
            assert job.error.type == "KiribiTimeoutError"
            assert "0.3 s" in job.error.message
            assert (job.failures, job.crashes) == (1, 0)
            assert [line.message for _, line in await kiribi.logs(job.id)] == ["still here"]
            assert gone(int(str(first)))
            assert await do(kiribi, "pid") != first

    asyncio.run(run())


def test_what_it_started_is_killed_with_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            new = await kiribi.enqueue("PROCESS", {"do": "grandchild"}, timeout=0.5)
            await ended(kiribi, new)

            async def over() -> bool:
                return gone(int((tmp_path / "grandchild").read_text()))

            await until(over)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("binding", "payload", "cleans"),
    [
        ("PROCESS", {"do": "spin"}, True),
        ("PROCESS", {"do": "sleep_in_c"}, False),
        ("ASYNC_PROCESS", {"x": 1, "y": 60}, True),
    ],
)
def test_cancel_asks_first_then_kills(
    tmp_path: Path, binding: str, payload: object, cleans: bool
) -> None:
    async def run() -> None:
        async with working(tmp_path, APP) as kiribi:
            new = await kiribi.enqueue(binding, payload)
            await appears(tmp_path / "started")
            await kiribi.cancel(new.id)
            job = await ended(kiribi, new)
            assert job.status is JobStatus.CANCELLED
            assert [a.outcome for a in job.history] == [Outcome.CANCELLED]
            assert (tmp_path / "cleaned").exists() is cleans
            if cleans:
                assert (tmp_path / "cleaned").read_text() == "True"

    asyncio.run(run())


def test_shutdown_hands_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with managing(tmp_path, APP) as kiribi:
            worker = Worker(kiribi)
            await worker.__aenter__()
            new = await kiribi.enqueue("PROCESS", {"do": "spin"})
            await appears(tmp_path / "started")
            assert await worker.stop(grace=0) == []
            job = await kiribi.find(new.id)
            assert job is not None
            assert (job.status, job.failures, job.crashes) == (JobStatus.PENDING, 0, 0)
            assert (tmp_path / "cleaned").read_text() == "False"

    asyncio.run(run())


def test_a_suspect_runs_alone_in_a_child(tmp_path: Path) -> None:
    app = """
        import os
        from kiribi import Performer

        class Where(Performer):
            async def perform(self, payload):
                return os.getpid()
    """

    async def run() -> None:
        async with managing(tmp_path, textwrap.dedent(app)) as kiribi:
            suspect = await kiribi.enqueue("WHERE")
            await kiribi.store.enlist(WorkerInfo("lost"), 60_000)
            assert await kiribi.store.claim("lost", ["WHERE"], 1)
            await kiribi.store.bury({"lost": "a test"})
            await kiribi.recover()
            async with Worker(kiribi):
                innocent = await kiribi.enqueue("WHERE")
                assert await kiribi.result(innocent.id, timeout=20) == os.getpid()
                assert await kiribi.result(suspect.id, timeout=20) != os.getpid()

    asyncio.run(run())


def test_performers_of_several_modules_are_found_in_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
        from kiribi import Performer

        class {name}(Performer):
            executor = "process"
            def perform(self, payload):
                return payload + "{name}"
    """
    monkeypatch.syspath_prepend(tmp_path)
    names = ("First", "Second")
    for name in names:
        module = tmp_path / f"of_several_{name.lower()}.py"
        module.write_text(textwrap.dedent(source.format(name=name)))

    async def run() -> None:
        performers = [
            getattr(importlib.import_module(f"of_several_{name.lower()}"), name) for name in names
        ]
        url = f"sqlite:///{tmp_path}/jobs.db"
        async with Kiribi.connect(url, performers=performers) as kiribi, Worker(kiribi):
            for performer, name in zip(performers, names, strict=True):
                job = await kiribi.enqueue(performer, "by ")
                assert await kiribi.result(job.id, timeout=20) == f"by {name}"

    asyncio.run(run())


def test_broken_in_the_child_only(tmp_path: Path) -> None:
    app = """
        import os, sys
        from kiribi import Performer
        if "slot" in sys.argv[0]:
            import no_such_module

        class Process(Performer):
            executor = "process"
            max_attempts = 1
            def perform(self, payload):
                pass
    """

    async def run() -> None:
        async with working(tmp_path, textwrap.dedent(app)) as kiribi:
            job = await ended(kiribi, await kiribi.enqueue("PROCESS"))
            assert job.status is JobStatus.FAILED
            assert job.error is not None
            assert job.error.type == "ModuleNotFoundError"
            assert "no_such_module" in job.error.message
            assert 'app.py", line' in job.error.traceback

    asyncio.run(run())


def test_performers_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager with a list of performers: each is found in its own module."""
    (tmp_path / "elsewhere.py").write_text(
        textwrap.dedent("""
            from kiribi import Performer

            class Add(Performer):
                executor = "process"
                def perform(self, payload):
                    return sum(payload)
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    async def run() -> None:
        import elsewhere  # pyright: ignore[reportMissingImports]

        async with Kiribi.connect(
            f"sqlite:///{tmp_path}/jobs.db", performers=[elsewhere.Add]
        ) as kiribi:
            assert await kiribi.perform("ADD", [1, 2, 3]) == 6

    asyncio.run(run())
    del sys.modules["elsewhere"]
