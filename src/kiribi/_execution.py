"""One attempt, the same on every runtime: perform → Change; then, once stored, the hooks."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kiribi import backoff, lifecycle
from kiribi._attempt import Running
from kiribi._failure import Crashed, described
from kiribi._json import encode
from kiribi._meta import Meta
from kiribi._platform import made
from kiribi.errors import (
    Cancel,
    Discard,
    Retry,
    Snooze,
    UnknownBinding,
    checked_seconds,
)
from kiribi.job import Job, JobStatus, Outcome
from kiribi.lifecycle import Change
from kiribi.options import retry_delay
from kiribi.payloads import fitting
from kiribi.performer import Performer
from kiribi.ports import Executor

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

logger = logging.getLogger("kiribi")

HOOK_SECONDS = 30.0
"""How long a hook may take."""


@dataclass(slots=True)
class Ended:
    """How an attempt ended: the change to store, and what hooks are told."""

    job: Job
    change: Change
    value: Any = None
    error: BaseException | None = None


class Execution:
    """Runs attempts for one manager."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi
        self._performers: Mapping[str, type[Performer]] = kiribi.performers
        self.hooked = kiribi.hooked

    def timeout(self, job: Job) -> float | None:
        """Seconds an attempt of `job` may run."""
        return self._option(job, "timeout", self._kiribi.default_timeout)

    async def run(self, attempt: Running, executor: Executor) -> Ended:
        """Perform; never raises for what the performer does."""
        job = attempt.job
        final = True  # what is wrong with the payload, or the return value, stays wrong
        try:
            cls = self._performers.get(job.binding)
            if cls is None:
                raise UnknownBinding("binding", job.binding, "this application has no such class")
            payload = fitting(cls, job.payload)
            final = False
            performer = made(cls, self._kiribi.ctx, self._kiribi.env)
            performer.app = self._kiribi.app
            performer.begin(attempt)
            value = await executor.run(attempt, performer, payload)
            final = True
            value = returned(value, self._kiribi.store.max_payload_bytes)
            return Ended(job, lifecycle.complete(job, value), value)
        except asyncio.CancelledError as error:
            return Ended(job, self._stopped(attempt, error), error=error)
        except GeneratorExit:
            raise  # the event loop is gone
        except BaseException as error:  # noqa: BLE001 - whatever it is, the job failed by it
            return Ended(job, self._failed(job, error, final=final), error=error)
        finally:
            attempt.interrupt = None

    async def hooks(self, ended: Ended) -> None:
        """Call `on_success` or `on_failure` after the outcome was stored."""
        kiribi, job, change = self._kiribi, ended.job, ended.change
        if change.status is JobStatus.COMPLETED:
            name, subject = "on_success", ended.value
        elif change.status is JobStatus.FAILED or change.outcome is Outcome.FAILED:
            name, subject = "on_failure", ended.error
        else:
            return
        meta = Meta.of(job, change, time.time_ns() // 1_000_000)
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

    def _failed(self, job: Job, error: BaseException, *, final: bool = False) -> Change:
        match error:
            case Snooze():
                return lifecycle.snooze(job, error.seconds, error.reason)
            case Cancel():
                return lifecycle.cancelled(job, str(error))
            case Crashed():
                return lifecycle.crash(job, error.error)
            case Discard():
                return self._fail(job, error, final=True)
            case Retry():
                return self._fail(job, error, delay=error.after)
            case _:
                return self._fail(job, error, final=final)

    def _fail(
        self, job: Job, error: BaseException, *, final: bool = False, delay: float | None = None
    ) -> Change:
        if delay is None:
            delay = self._retry_delay(job)
        cls = self._performers.get(job.binding)
        home = "" if cls is None else cls.__module__
        return lifecycle.fail(
            job,
            described(error, home),
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
            policy = cls.retry_delay
        if policy is None:
            policy = self._kiribi.default_retry_delay
        failures = job.failures + 1
        if callable(policy):
            try:
                return checked_seconds("retry_delay", policy(failures))
            except Exception:
                logger.exception("retry_delay of %s raised: the default stands in", job.binding)
                policy = backoff.DEFAULT
        return backoff.delay(policy, failures, random.random())  # noqa: S311 - jitter

    def _option(self, job: Job, name: str, default: Any) -> Any:
        if job.options:
            value = job.options.get(name)
            if value is not None:
                return value
        value = getattr(self._performers.get(job.binding), name, None)
        return default if value is None else value


def returned(value: Any, limit: int | None = None) -> Any:
    """What the performer returned, as JSON has it.

    Raises:
        InvalidPayload: naming the type of what is not JSON, or has more than `limit` bytes of it.
    """
    if value is None or isinstance(value, bool):
        return value
    text = encode(value, field=f"return value of type {type(value).__name__}", limit=limit)
    return json.loads(text)
