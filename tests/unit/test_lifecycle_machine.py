"""The life cycle against an independent model: as pure functions, and carried out by SQLite.

Both machines do whatever hypothesis thinks of to one job and compare it with the model after
each step. The second goes through the manager and the store, so that what `lifecycle` decides
and what the store makes of it are held against the same model.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.model import ENDED, WAITING, Model

from kiribi import IllegalTransition, Job, JobError, JobStatus, Kiribi, lifecycle
from kiribi.job import FINAL, Attempt, Outcome, new_id
from kiribi.lifecycle import Change
from kiribi.ports import WorkerInfo
from kiribi.testing import FakeClock, connected

BOOM = JobError("ValueError", "boom")
LOST = JobError("WorkerLost", "gone")
delays = st.sampled_from([0.0, 0.5, 30.0])


class LifeCycle(RuleBasedStateMachine):
    """Random events; a subclass says who carries them out."""

    model: Model
    job: Job  # as claimed last: all that the code running an attempt knows
    seen: Job  # before the last step

    @abstractmethod
    def now(self) -> Job: ...
    @abstractmethod
    def claim_it(self) -> Job: ...
    @abstractmethod
    def apply(self, change: Change) -> bool: ...
    @abstractmethod
    def ask(self, action: str) -> None: ...

    def running(self) -> bool:
        return self.model.status == "PROCESSING"

    @precondition(lambda self: self.model.status in WAITING)
    @rule()
    def claim(self) -> None:
        self.job = self.claim_it()
        self.model.claim()

    @precondition(running)
    @rule(result=st.none() | st.integers())
    def complete(self, result: Any) -> None:
        assert self.apply(lifecycle.complete(self.job, result))
        assert self.now().result == result
        self.model.complete()

    @precondition(running)
    @rule(allowed=st.integers(1, 4), delay=delays, hopeless=st.booleans())
    def fail(self, allowed: int, delay: float, hopeless: bool) -> None:
        change = lifecycle.fail(self.job, BOOM, max_attempts=allowed, delay=delay, final=hopeless)
        assert self.apply(change)
        self.model.fail(allowed, hopeless=hopeless)

    @precondition(running)
    @rule(seconds=delays)
    def snooze(self, seconds: float) -> None:
        assert self.apply(lifecycle.snooze(self.job, seconds, "later"))
        self.model.snooze()

    @precondition(running)
    @rule()
    def release(self) -> None:
        assert self.apply(lifecycle.release(self.job, "shutdown"))
        self.model.release()

    @precondition(running)
    @rule()
    def crash(self) -> None:
        assert self.apply(lifecycle.crash(self.job, LOST))
        self.model.crash()

    @precondition(running)
    @rule()
    def stop(self) -> None:
        assert self.apply(lifecycle.cancelled(self.job, "stopped"))
        self.model.stop()

    @rule(action=st.sampled_from(["cancel", "retry", "run_now"]))
    def ask_for(self, action: str) -> None:
        allowed = {
            "cancel": self.model.status not in ENDED,
            "retry": self.model.status in ENDED,
            "run_now": self.model.status in WAITING,
        }[action]
        before = self.now()
        try:
            self.ask(action)
        except IllegalTransition:
            assert not allowed
            assert self.now() == before
            return
        assert allowed
        {"cancel": self.model.cancel, "retry": self.model.retry, "run_now": lambda: None}[action]()

    @precondition(lambda self: self.model.attempts > 0)
    @rule(event=st.sampled_from(["complete", "snooze", "crash", "release", "cancelled"]))
    def too_late(self, event: str) -> None:
        """Whoever comes with an attempt that is over changes nothing."""
        late = self.job
        if self.running():
            late = replace(late, attempts=late.attempts - 1)
        before = self.now()
        change = {
            "complete": lambda: lifecycle.complete(late, 1),
            "snooze": lambda: lifecycle.snooze(late, 1, ""),
            "crash": lambda: lifecycle.crash(late, LOST),
            "release": lambda: lifecycle.release(late, ""),
            "cancelled": lambda: lifecycle.cancelled(late, ""),
        }[event]()
        assert not self.apply(change)
        assert self.now() == before

    @invariant()
    def agrees_with_the_model(self) -> None:
        job, model = self.now(), self.model
        assert (job.status, job.attempts, job.failures, job.crashes, job.cancel_requested) == (
            model.status,
            model.attempts,
            model.failures,
            model.crashes,
            model.asked_to_stop,
        )
        assert [attempt.outcome for attempt in job.history] == model.past[-20:]
        assert (None if job.error is None else job.error.type) == model.error
        assert (job.worker is not None) == self.running()

    @invariant()
    def counts_only_grow_until_a_retry(self) -> None:
        job, before = self.now(), self.seen
        assert job.attempts in (before.attempts, before.attempts + 1)
        again = before.status in FINAL and job.status is JobStatus.PENDING
        assert again or (job.failures >= before.failures and job.crashes >= before.crashes)
        assert job.failures + job.crashes <= job.attempts
        assert before.status not in FINAL or job.status in (before.status, JobStatus.PENDING)
        self.seen = job


class Pure(LifeCycle):
    """Compare-and-set in a few lines of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.job = self.seen = Job(new_id(), "A")
        self.model = Model()

    def now(self) -> Job:
        return self.held

    def claim_it(self) -> Job:
        self.held = replace(
            self.held, status=JobStatus.PROCESSING, attempts=self.held.attempts + 1, worker="w"
        )
        return self.held

    def ask(self, action: str) -> None:
        assert self.apply(getattr(lifecycle, action)(self.held))
        if self.running():  # here the request reaches the attempt at once
            self.job = self.held

    def apply(self, change: Change) -> bool:
        held = self.held
        if (held.status, held.attempts) != (change.expected, change.attempts):
            return False
        history = held.history
        if change.outcome is not None:
            history = (*history, Attempt(held.attempts, Outcome(change.outcome), 0, 0))[-20:]
        self.held = replace(
            held,
            status=change.status,
            failures=change.failures,
            crashes=change.crashes,
            cancel_requested=change.cancel,
            error=held.error if change.outcome in ("snoozed", "released") else change.error,
            result=change.result,
            history=history,
            worker="w" if change.status is JobStatus.PROCESSING else None,
        )
        return True


class Stored(LifeCycle):
    """The real store, by way of the manager where there is one."""

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.exits = AsyncExitStack()
        self.kiribi: Kiribi = self.runner.run(
            self.exits.enter_async_context(connected(clock=self.clock))
        )
        self.runner.run(self.kiribi.store.enlist(WorkerInfo("w", bindings=("A",)), 1 << 40))
        self.job = self.seen = self.runner.run(self.kiribi.enqueue("A", {"n": 1}))
        self.model = Model()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.exits.aclose())
            self.runner.close()

    def now(self) -> Job:
        job = self.runner.run(self.kiribi.find(self.job.id))
        assert job is not None
        return job

    def claim_it(self) -> Job:
        self.clock.advance(30)
        (job,) = self.runner.run(self.kiribi.store.claim("w", ["A"], 10))
        assert job == replace(self.now(), history=())
        assert self.runner.run(self.kiribi.store.claim("w", ["A"], 10)) == []
        return job

    def apply(self, change: Change) -> bool:
        (took,) = self.runner.run(self.kiribi.store.apply([change]))
        if took and change.delay_ms is not None and self.now().status in WAITING:
            assert self.now().due_ms == self.clock() + change.delay_ms
        return took

    def ask(self, action: str) -> None:
        job = self.runner.run(getattr(self.kiribi, action)(self.job.id))
        assert job == self.now()

    @invariant()
    def counters_agree(self) -> None:
        pulse = self.runner.run(self.kiribi.pulse())
        (counts,) = pulse.bindings
        assert {s: n for s, n in counts.by_status.items() if n} == {self.now().status: 1}


TestPure = Pure.TestCase
TestPure.settings = settings(max_examples=150, stateful_step_count=40)
TestStored = Stored.TestCase
TestStored.settings = settings(max_examples=40, stateful_step_count=30)
