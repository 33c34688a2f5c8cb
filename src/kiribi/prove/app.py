"""The application under trial. Its performers write down what they do."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

from kiribi import Every, Kiribi, Performer, Schedule
from kiribi.prove.journal import Journal
from kiribi.prove.plan import Plan

MAX_ATTEMPTS = 3
LOOK_SECONDS = 1.0
SHORT_SECONDS = 0.02
"""How long most jobs take, at most."""


class Default(Kiribi):
    """Ends with the process that tries it."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Look, while there is work to do, whether there is still somebody to account for it."""
        looking = asyncio.create_task(_end_if_abandoned(_plan()))
        yield
        looking.cancel()


async def _end_if_abandoned(plan: Plan) -> None:
    while not plan.abandoned:  # noqa: ASYNC110 - no event tells of a SIGKILL
        await asyncio.sleep(LOOK_SECONDS)
    os.kill(os.getppid(), signal.SIGTERM)  # the supervisor ends us, too


def tick_token(tick_at: datetime) -> str:
    """The token of the job of a tick."""
    return f"tick.{tick_at.timestamp():.0f}.schedule.0"


class Planned(Exception):
    """The plan wants this attempt to fail."""


@functools.cache
def _plan() -> Plan:
    return Plan.of_this_process()


@functools.cache
def _journal() -> Journal:
    return Journal(_plan())


class Tried(Performer):
    """Records start and end of each attempt, fails as often as its job says, returns who it is."""

    max_attempts = MAX_ATTEMPTS
    retry_delay = 0.05

    @contextmanager
    def recorded(self, token: str) -> Generator[None]:
        """Around the work."""
        name = f"{self.job.id} {self.job.attempts}"
        _journal().write(f"start {name} {token} {os.getpid()} {os.getppid()}")
        how = "stopped"
        try:
            yield
            how = "returned"
        except Exception:
            how = "raised"
            raise
        finally:
            _journal().write(f"end {name} {how}")

    def seconds(self, payload: dict[str, Any]) -> float:
        """How long it takes."""
        seconds: float = payload["seconds"]
        return min(seconds, _plan().longest_again) if self.job.crashes else seconds

    def outcome(self, payload: dict[str, Any]) -> list[Any]:
        """What tells this attempt from all others."""
        if self.job.failures < payload.get("failures", 0):
            raise Planned(f"{payload['token']}, attempt {self.job.attempts}")
        return [payload["token"], self.job.attempts]


class Coroutine(Tried):
    """A coroutine."""

    async def perform(self, payload: dict[str, Any]) -> list[Any]:
        """Wait, then end as planned."""
        with self.recorded(payload["token"]):
            await asyncio.sleep(self.seconds(payload))
            return self.outcome(payload)


class Thread(Tried):
    """In a thread."""

    def perform(self, payload: dict[str, Any]) -> list[Any]:
        """Wait, then end as planned."""
        with self.recorded(payload["token"]):
            time.sleep(self.seconds(payload))
            return self.outcome(payload)


class Process(Thread):
    """In a child process."""

    executor = "process"


class Keyed(Coroutine):
    """Those with the same concurrency key run one at a time."""


class Single(Coroutine):
    """Unique: no two open ones share a key."""


class Chained(Coroutine):
    """Runs after another."""


class Tick(Tried):
    """Runs by itself, each second."""

    schedule = Schedule(Every(1), missed="all")

    async def perform(self, _: None) -> list[Any]:
        """End at once."""
        assert self.job.tick_at is not None  # noqa: S101 - nobody else enqueues it
        token = tick_token(self.job.tick_at)
        with self.recorded(token):
            return self.outcome({"token": token})
