"""The blocking twin: threads, forks, interrupts, and that it has all its brother has."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kiribi import (
    Duplicate,
    Every,
    InvalidDatabaseURL,
    InvalidInput,
    JobCancelled,
    JobStatus,
    Kiribi,
    NotFinished,
    NotSupported,
    Performer,
    RateLimit,
    Schedule,
    StoreUnavailable,
    Unique,
)
from kiribi._schedules import Schedules
from kiribi.blocking import BlockingKiribi, BlockingSchedules
from kiribi.runtimes.worker import Worker

RUNTIME = {"connect", "bind", "start", "register", "tick", "carry", "sweep_steps", "hooked"}
OVERRIDABLE = {"lifespan", "on_success", "on_failure", "on_schedule", "on_request", "redact"}


class Double(Performer):
    async def perform(self, payload: int) -> int:
        return 2 * payload


class AskBack(Performer):
    twin: BlockingKiribi

    async def perform(self, payload: None) -> None:
        self.twin.count()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db"


def test_has_every_call_of_its_brother_with_the_same_parameters() -> None:
    brothers = {
        name: function
        for name, function in inspect.getmembers(Kiribi, inspect.isfunction)
        if not name.startswith("_") and name not in RUNTIME | OVERRIDABLE
    }
    for name, function in brothers.items():
        twin = inspect.signature(getattr(BlockingKiribi, name))
        assert list(twin.parameters.items()) == list(inspect.signature(function).parameters.items())


def test_schedules_too(url: str) -> None:
    calls = inspect.getmembers(Schedules, inspect.isfunction)
    for name, function in calls:
        if name.startswith("_") or name in ("declared", "hold"):
            continue
        twin = inspect.signature(getattr(BlockingSchedules, name))
        assert list(twin.parameters.items()) == list(inspect.signature(function).parameters.items())
    with BlockingKiribi(url, performers=[Double]) as kiribi:
        made = kiribi.schedules.create("double", Double, Schedule(Every(3600), 21))
        assert kiribi.schedules.create("double", Double, Schedule(Every(3600), 21)) == made
        assert kiribi.schedules.find("double") == made
        assert kiribi.schedules.find("triple") is None
        assert kiribi.schedules.find_many() == [made]
        assert kiribi.schedules.run_now("double").schedule == "double"
        assert len(kiribi.schedules.next("double")) == 5
        assert kiribi.schedules.pause("double").paused
        assert kiribi.schedules.resume("double").next_ms == made.next_ms
        changed = kiribi.schedules.edit("double", Schedule(Every(60), 4))
        assert changed.schedule.payload == 4
        kiribi.schedules.delete("double")
        assert kiribi.schedules.find_many() == []


def test_a_day_in_the_life(url: str) -> None:
    with BlockingKiribi(url, performers=[Double]) as kiribi:
        job = kiribi.enqueue(Double, 21)
        assert job.status is JobStatus.PENDING
        assert kiribi.perform(Double, 4) == 8
        assert [one.id for one in kiribi.enqueue_many([("DOUBLE", 1)])] != [job.id]
        assert kiribi.count({"status": "PENDING"}).value == 2
        assert kiribi.cancel(job.id).status is JobStatus.CANCELLED
        assert kiribi.retry([job.id]).done == (job.id,)
        assert kiribi.run_now(job.id).status is JobStatus.PENDING
        kiribi.pause(Double)
        assert [info.paused for info in kiribi.bindings()] == [True]
        assert "paused" in {reason.code for reason in kiribi.explain(job.id).reasons}
        kiribi.resume("DOUBLE")
        assert kiribi.logs(job.id) == []
        assert kiribi.pulse().bindings[0].binding == "DOUBLE"
        assert kiribi.stats(bindings=["DOUBLE"])[0].completed == 1
        assert kiribi.failures(hours=1, bindings=["DOUBLE"]) == []
        assert kiribi.workers()
        assert kiribi.find_dead_jobs() == kiribi.recover() == []
        assert len(kiribi.find_many(sort="attempts").jobs) == 3
        assert kiribi.sweep(0, ["COMPLETED"], dry_run=True) in (0, 1)
        assert kiribi.delete(job.id).done == (job.id,)
        assert kiribi.find(job.id) is None
        with pytest.raises(NotFinished):
            kiribi.result(kiribi.enqueue("DOUBLE", 3).id, timeout=0)


def test_threads_share_it(url: str) -> None:
    with BlockingKiribi(url) as kiribi, ThreadPoolExecutor(8) as threads:
        jobs = list(threads.map(lambda n: kiribi.enqueue("A", n), range(200)))
        assert len({job.id for job in jobs}) == kiribi.count().value == 200


def test_connects_at_the_first_call_and_anew_after_close(url: str) -> None:
    before = threads_of_kiribi()
    kiribi = BlockingKiribi(url)
    assert threads_of_kiribi() == before
    kiribi.enqueue("A")
    assert threads_of_kiribi() > before
    kiribi.close()
    kiribi.close()
    assert kiribi.count().value == 1
    kiribi.close()
    assert threads_of_kiribi() == before


def test_what_cannot_be_opened_says_so_and_leaves_no_thread() -> None:
    before = threads_of_kiribi()
    with pytest.raises(InvalidDatabaseURL), BlockingKiribi("mysql://x"):
        pass
    assert threads_of_kiribi() == before


def threads_of_kiribi() -> Set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith("kiribi")}


def test_closing_ends_the_calls_under_way(url: str) -> None:
    kiribi = BlockingKiribi(url)
    job = kiribi.enqueue("A")
    with ThreadPoolExecutor(4) as threads:
        waits = [threads.submit(kiribi.result, job.id) for _ in range(4)]
        until = time.monotonic() + 30
        while len(waiting(kiribi)) < 4 and time.monotonic() < until:
            kiribi.count()  # each asks on the loop that the waits run on
        kiribi.close()
        for wait in waits:
            with pytest.raises(StoreUnavailable, match="closed"):
                wait.result(timeout=30)


def waiting(kiribi: BlockingKiribi) -> Set[object]:
    """Who waits at the doorbell."""
    return kiribi._open().kiribi.queue._waiters  # pyright: ignore


def test_a_call_on_its_own_loop_is_refused_not_a_deadlock(url: str) -> None:
    with BlockingKiribi(url, performers=[AskBack]) as kiribi:
        AskBack.twin = kiribi
        with pytest.raises(NotSupported, match="await the manager itself"):
            kiribi.perform(AskBack, None)


def test_works_within_somebody_elses_loop(url: str) -> None:
    async def main() -> int:
        with BlockingKiribi(url) as kiribi:
            kiribi.enqueue("A")
            return kiribi.count().value

    assert asyncio.run(main()) == 1


def script(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    head = "from kiribi.blocking import BlockingKiribi\n"
    head += f"kiribi = BlockingKiribi('sqlite:///{tmp_path}/jobs.db')\n"
    return subprocess.run(
        [sys.executable, "-c", head + body],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_global_left_open_ends_quietly_and_loses_nothing(tmp_path: Path) -> None:
    ended = script(tmp_path, "kiribi.enqueue('A', 1); print('ok')")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ok\n", "")
    with BlockingKiribi(f"sqlite:///{tmp_path}/jobs.db") as kiribi:
        assert kiribi.count().value == 1


@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="there are no forks here")
def test_a_forked_child_connects_anew(tmp_path: Path) -> None:
    body = """
import os, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads: that is the case here
kiribi.enqueue("A", 0)
children = []
for n in range(3):
    if (child := os.fork()) == 0:
        for i in range(10):
            kiribi.enqueue("A", [n, i])
        raise SystemExit
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
kiribi.enqueue("A", 1)
print(codes, kiribi.count().value)
"""
    ended = script(tmp_path, body)
    assert (ended.stdout, ended.stderr) == ("[0, 0, 0] 32\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_ends_the_wait(tmp_path: Path) -> None:
    body = """
import os, signal, threading
id = kiribi.enqueue("A").id
threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
try:
    kiribi.result(id)
except KeyboardInterrupt:
    print("interrupted", kiribi.find(id).status)
"""
    ended = script(tmp_path, body)
    assert (ended.stdout, ended.stderr) == ("interrupted PENDING\n", "")


class Fail(Performer):
    max_attempts = 1

    async def perform(self, payload: None) -> None:
        raise ValueError("boom")


def test_unique_jobs(url: str) -> None:
    with BlockingKiribi(url, performers=[Double]) as kiribi:
        first = kiribi.enqueue(Double, 1, unique=Unique(key="k", within=60))
        again = kiribi.enqueue(Double, 2, unique=Unique(key="k"))
        assert (again.id, again.duplicate, again.payload) == (first.id, True, 1)
        held = kiribi.unique_key(first.id)
        assert held is not None
        assert (held.holder, held.until_ms) == (first.id, held.held_until_ms)
        assert "unique_key" in {reason.code for reason in kiribi.explain(first.id).reasons}
        with pytest.raises(Duplicate) as refused:
            kiribi.enqueue(Double, 3, unique={"key": "k", "on_conflict": "raise"})
        assert refused.value.job.id == first.id
        latest = Unique(key="k", on_conflict="replace")
        assert kiribi.enqueue(Double, 21, unique=latest).id == first.id
        with ThreadPoolExecutor(8) as threads:
            ids = threads.map(lambda n: kiribi.enqueue(Double, n, unique=True).id, [7] * 40)
            assert len(set(ids)) == 1
        with working(url):
            assert kiribi.result(first.id, timeout=20) == 42
        assert kiribi.unique_key(first.id) == replace(held, holder=None, held_until_ms=None)


def test_chains_batches_and_actions(url: str) -> None:
    with BlockingKiribi(url, performers=[Double, Fail]) as kiribi:
        first = kiribi.enqueue(Double, 1)
        after = kiribi.enqueue(Double, 2, after=first)
        never = kiribi.enqueue(Double, 3, after=kiribi.enqueue(Fail, None))
        batch = kiribi.enqueue_batch([(Double, n) for n in range(3)], (Double, 9))
        later = kiribi.enqueue_many([(Double, n, {"first_delay": 3600}) for n in range(5)])
        action = kiribi.start_action("run_now", {"ids": [job.id for job in later]}, who="ann")
        aborted = kiribi.abort(kiribi.start_action("cancel", {"binding": "DOUBLE"}).id)
        assert (kiribi.action(aborted.id).status, aborted.done) == ("ABORTED", 0)
        with working(url):
            assert kiribi.result(after.id, timeout=20) == 4
            assert kiribi.result(batch.id, timeout=20) == 18
            assert kiribi.result(later[-1].id, timeout=20) == 8
            with pytest.raises(JobCancelled):
                kiribi.result(never.id, timeout=20)
        assert kiribi.batch(batch.id).counts == {"COMPLETED": 3}
        assert kiribi.action(action.id).done == 5
        assert [one.id for one in kiribi.actions()] == [aborted.id, action.id]


def test_limits(url: str) -> None:
    with BlockingKiribi(url, performers=[Double]) as kiribi:
        kiribi.enqueue_many([(Double, n, {"concurrency_key": "k"}) for n in range(3)])
        kiribi.limit(Double, concurrency=2, rate_limit=RateLimit(1000))
        assert [info.limits["concurrency"] for info in kiribi.bindings()] == [2]
        kiribi.limit("DOUBLE", rate_limit=None)
        kiribi.reset_limits(Double)
        assert [info.overrides for info in kiribi.bindings()] == [{}]
        with working(url):
            jobs = kiribi.find_many({"binding": "DOUBLE"}).jobs
            assert sorted(kiribi.result(job.id, timeout=20) for job in jobs) == [0, 2, 4]


def test_schedules_fire_and_are_steered(url: str) -> None:
    with BlockingKiribi(url, performers=[Double]) as kiribi:
        kiribi.schedules.create("often", Double, Schedule(Every(1), 4, overlap=False))
        with working(url):
            until = time.monotonic() + 30
            while not (ran := kiribi.find_many({"status": "COMPLETED"}).jobs):
                assert time.monotonic() < until
        assert (ran[-1].schedule, kiribi.result(ran[-1].id)) == ("often", 8)
        with pytest.raises(InvalidInput, match="overlap=False"):
            kiribi.schedules.edit("often", Schedule(Every(1), 4, options={"unique": True}))
        kiribi.schedules.delete("often")


@contextmanager
def working(url: str) -> Iterator[None]:
    """A worker beside, in a thread of its own."""
    stop = threading.Event()

    async def work() -> None:
        async with Kiribi.connect(url, performers=[Double, Fail]) as kiribi, Worker(kiribi):
            await asyncio.to_thread(stop.wait)

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(asyncio.run, work())
        try:
            yield
        finally:
            stop.set()
            done.result()
