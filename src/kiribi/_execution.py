"""One attempt, the same on every runtime: perform → Change; then, once stored, the hooks."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kiribi import backoff, lifecycle
from kiribi._attempt import Running
from kiribi.errors import (
    Cancel,
    Discard,
    InvalidPayload,
    KiribiError,
    LeaseLost,
    Retry,
    Snooze,
    UnknownBinding,
)
from kiribi.job import Job, JobError, JobStatus
from kiribi.lifecycle import Change
from kiribi.options import retry_delay
from kiribi.payloads import encode, fitting
from kiribi.performer import Performer, retry_policy
from kiribi.ports import Executor

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

logger = logging.getLogger("kiribi")

HOOK_SECONDS = 30.0
"""How long a hook may take."""

MESSAGE_CHARACTERS = 2_000
TRACEBACK_CHARACTERS = 16_000


class Crashed(KiribiError):
    """The process that ran the attempt is gone; `error` says how."""

    def __init__(self, error: JobError) -> None:
        self.error = error
        super().__init__(error.message)


@dataclass(slots=True)
class Ended:
    """How an attempt ended: the change to store (None: nothing is ours to write any more)."""

    job: Job
    change: Change | None
    value: Any = None
    error: BaseException | None = None


class Execution:
    """Runs attempts for one manager."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi
        self._performers: Mapping[str, type[Performer]] = kiribi.performers
        base = type(kiribi).__mro__[-3]
        self.hooked = any(
            getattr(type(kiribi), hook) is not getattr(base, hook)
            for hook in ("on_success", "on_failure")
        )

    def timeout(self, job: Job) -> float | None:
        """Seconds an attempt of `job` may run."""
        return self._option(job, "timeout", self._kiribi.default_timeout)

    async def run(self, attempt: Running, executor: Executor) -> Ended:
        """Perform; never raises for what the performer does."""
        job = attempt.job
        try:
            cls = self._performers.get(job.binding)
            if cls is None:
                raise UnknownBinding("binding", job.binding, "this application has no such class")
            performer = cls(self._kiribi.ctx, self._kiribi.env)
            performer.app = self._kiribi.app
            performer.begin(attempt)
            value = await executor.run(attempt, performer, fitting(cls, job.payload))
            if value is not None:
                value = _json(value)
            return Ended(job, lifecycle.complete(job, value), value)
        except asyncio.CancelledError as error:
            return Ended(job, self._stopped(attempt, error), error=error)
        except LeaseLost as error:
            return Ended(job, None, error=error)
        except (Exception, SystemExit) as error:
            return Ended(job, self._failed(job, error), error=error)

    async def hooks(self, ended: Ended) -> None:
        """Call `on_success` or `on_failure` after the outcome was stored."""
        change = ended.change
        if change is None:
            return
        kiribi, job = self._kiribi, ended.job
        name = "on_success" if change.status is JobStatus.COMPLETED else "on_failure"
        if change.outcome not in (lifecycle.Outcome.COMPLETED, lifecycle.Outcome.FAILED):
            return
        subject = ended.value if name == "on_success" else ended.error
        meta = kiribi.meta(job, change, time.time_ns() // 1_000_000)
        try:
            result = getattr(kiribi, name)(job.binding, job.payload, subject, meta)
            if inspect.isawaitable(result):
                async with asyncio.timeout(HOOK_SECONDS):
                    await result
        except Exception:
            # A hook changes nothing: the outcome is stored, so its error is only logged.
            logger.exception("%s of job %s (%s) raised", name, job.id, job.binding)

    def _stopped(self, attempt: Running, error: BaseException) -> Change:
        if attempt.stopping == "cancel":
            return lifecycle.cancelled(attempt.job, "cancelled while running")
        if attempt.stopping == "release":
            return lifecycle.release(attempt.job, "handed back at shutdown")
        return self._failed(attempt.job, error)

    def _failed(self, job: Job, error: BaseException) -> Change:
        match error:
            case Snooze():
                return lifecycle.snooze(job, error.seconds, error.reason)
            case Cancel():
                return lifecycle.cancelled(job, str(error))
            case Crashed():
                return lifecycle.crash(job, error.error)
            case Discard() | InvalidPayload() | UnknownBinding():
                return self._fail(job, error, final=True)
            case Retry(after=float() | int() as after):
                return self._fail(job, error, delay=after)
            case _:
                return self._fail(job, error)

    def _fail(
        self, job: Job, error: BaseException, *, final: bool = False, delay: float | None = None
    ) -> Change:
        if delay is None:
            delay = self._retry_delay(job)
        return lifecycle.fail(
            job,
            described(error),
            max_attempts=self._option(job, "max_attempts", self._kiribi.default_max_attempts),
            delay=delay,
            final=final,
        )

    def _retry_delay(self, job: Job) -> float:
        explicit = job.options.get("retry_delay")
        cls = self._performers.get(job.binding)
        policy = None
        if explicit is not None:
            policy = retry_delay("retry_delay", explicit)
        elif cls is not None:
            policy = retry_policy(cls)
        if policy is None:
            policy = self._kiribi.default_retry_delay
        failures = job.failures + 1
        if callable(policy):
            return backoff.checked_seconds("retry_delay", policy(failures))
        return backoff.delay(policy, failures, random.random())  # noqa: S311 - jitter

    def _option(self, job: Job, name: str, default: Any) -> Any:
        if job.options:
            value = job.options.get(name)
            if value is not None:
                return value
        value = getattr(self._performers.get(job.binding), name, None)
        return default if value is None else value


def described(error: BaseException) -> JobError:
    """An exception as it is stored: type, message and the traceback from the user's code on."""
    if isinstance(error, Crashed):
        return error.error
    lines = traceback.format_exception(error)
    return JobError(
        type(error).__name__,
        str(error)[:MESSAGE_CHARACTERS],
        "".join(lines)[-TRACEBACK_CHARACTERS:],
    )


def _json(value: Any) -> Any:
    """The returned value, known to be JSON, or the failure that names its type."""
    if isinstance(value, str | int | bool):
        return value
    import json

    return json.loads(encode(value, field=f"return value of type {type(value).__name__}"))
