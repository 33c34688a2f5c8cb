"""From JSON of the REST API back to the data it was made from: the inverse of `web.wire`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from kiribi._explain import Explanation, Reason
from kiribi._scheduled import ScheduleInfo
from kiribi.action import Action, ActionStatus
from kiribi.batch import Batch
from kiribi.distribution import Distribution
from kiribi.job import Attempt, Exit, Job, JobError, JobStatus, Outcome, epoch_ms
from kiribi.ports import BindingInfo, LogLine, WorkerInfo
from kiribi.search import BindingStats, FailureGroup, JobFilter, Page
from kiribi.unique import KeyHeld
from kiribi.web import wire

Shown = Mapping[str, Any]

LIMITS = {there: here for here, there in wire.LIMITS.items()}
FILTER = {there: here for here, there in wire.FILTER.items()}
UNIQUE = {there: here for here, there in wire.UNIQUE.items()}


def ms(time: str) -> int:
    """ISO 8601 as epoch milliseconds."""
    return epoch_ms(datetime.fromisoformat(time))


def ms_or_none(time: str | None) -> int | None:
    """Like `ms`, where there may be no time."""
    return None if time is None else ms(time)


def job(shown: Shown) -> Job:
    """A job, with as much as was shown of it."""
    stored = options(shown.get("params") or {})
    if shown.get("schedule"):
        stored |= {"schedule": shown["schedule"]}
    if shown.get("tick"):
        stored |= {"tick": ms(shown["tick"])}
    history = tuple(map(_attempt, shown.get("result", ())))
    progress = shown["progress"]
    return Job(
        shown["id"],
        shown["binding"],
        JobStatus(shown["status"]),
        shown["payload"],
        stored,
        shown["priority"],
        shown["attempts"],
        shown["failures"],
        shown["crashes"],
        ms(shown["dueAt"]),
        ms(shown["updatedAt"]),
        ms_or_none(shown["startedAt"]),
        ms_or_none(shown["finishedAt"]),
        shown["worker"],
        shown["cancelRequested"],
        shown.get("returnValue"),
        shown["error"] and _error(shown["error"], history),
        progress and (progress["fraction"], progress["message"]),
        history,
        shown["duplicate"],
    )


def options(params: Shown) -> dict[str, Any]:
    """Options by their Python names, as they are stored."""
    found = wire.options(params)
    if "at" in found:
        found["at"] = ms(found["at"])
    if isinstance(found.get("unique"), Mapping):
        rule = cast("Shown", found["unique"])
        found["unique"] = {UNIQUE.get(name, name): value for name, value in rule.items()}
    return found


def page(shown: Shown) -> Page:
    """A page of a search."""
    return Page(tuple(map(job, shown["jobs"])), shown["next"], ms_or_none(shown["lookedBackTo"]))


def line(id: str, shown: Shown) -> tuple[int, LogLine]:
    """A line of a job's log, with its number."""
    told = LogLine(id, shown["attempt"], ms(shown["at"]), shown["level"], shown["message"])
    return shown["seq"], told


def explanation(of: Job, shown: Shown) -> Explanation:
    """Why a job is where it is."""
    reasons = [Reason(each["code"], each["message"], each["params"]) for each in shown["reasons"]]
    return Explanation(of, tuple(reasons))


def key_held(shown: Shown) -> KeyHeld:
    """A unique key; empty where it was not shown."""
    return KeyHeld(
        shown["key"] or "",
        tuple(map(JobStatus, shown["states"])),
        ms_or_none(shown["until"]),
        shown["holder"],
        ms_or_none(shown["heldUntil"]),
    )


def batch(shown: Shown) -> Batch:
    """How far a batch has come."""
    return Batch(job(shown["callback"]), shown["counts"])


def binding(shown: Shown) -> BindingInfo:
    """A kind of job."""
    breaker: Shown = shown["breaker"] or {}
    return BindingInfo(
        shown["name"],
        options(shown["defaults"]),
        shown["schema"],
        shown["paused"],
        ms_or_none(shown["lastSeenAt"]),
        _limits(shown["limits"]),
        _limits(shown["overrides"]),
        breaker.get("failures", 0),
        breaker.get("probe"),
        _limits(shown["declared"]),
    )


def _limits(shown: Shown) -> dict[str, Any]:
    return {LIMITS[name]: limit for name, limit in shown.items()}


def worker(shown: Shown) -> WorkerInfo:
    """A worker."""
    return WorkerInfo(
        shown["id"],
        shown["host"],
        shown["pid"],
        shown["version"],
        tuple(shown["bindings"]),
        shown["slots"],
        ms(shown["startedAt"]),
        shown["lease"],
        shown["deadReason"],
    )


def action(shown: Shown) -> Action:
    """A bulk action."""
    given: Shown = shown["filter"]
    filter = {FILTER.get(name, name): value for name, value in given.items()}
    return Action(
        shown["id"],
        shown["kind"],
        {name: ms(value) if name in wire.FILTER else value for name, value in filter.items()},
        shown["who"],
        ActionStatus(shown["status"]),
        shown["matched"],
        shown["done"],
        shown["skipped"],
        shown["failed"],
        shown["reason"],
        ms(shown["createdAt"]),
        ms(shown["updatedAt"]),
        ms_or_none(shown["finishedAt"]),
    )


def schedule(shown: Shown) -> ScheduleInfo:
    """A recurring job."""
    when = ("every",) if shown["cron"] is None else ("cron", "tz")
    definition = {name: shown[name] for name in ("binding", *when, "missed", "overlap", "payload")}
    last = shown["lastJob"] or {"id": None, "status": None}
    return ScheduleInfo(
        shown["name"],
        json.dumps({**definition, "options": options(shown["params"] or {})}),
        ms_or_none(shown["nextAt"]),
        shown["paused"],
        shown["declared"],
        ms_or_none(shown["lastTickAt"]),
        last["id"],
        last["status"] and JobStatus(last["status"]),
        ms(shown["createdAt"]),
    )


def stats(shown: Shown) -> BindingStats:
    """What became of jobs of one binding."""
    counts = ("enqueued", "completed", "failed", "retried", "cancelled", "crashed")
    return BindingStats(
        shown["binding"],
        ms(shown["since"]),
        shown["seconds"],
        *(shown[name] for name in counts),
        wait_ms=shown["wait"],
        run_ms=shown["run"],
        wait=_distribution(shown, "wait"),
        run=_distribution(shown, "run"),
    )


def failure(shown: Shown) -> FailureGroup:
    """Failures of one cause."""
    return FailureGroup(
        shown["fingerprint"],
        shown["binding"],
        shown["type"],
        shown["origin"] or "",
        shown["message"],
        shown["job"],
        shown["count"],
        ms(shown["firstAt"]),
        ms(shown["lastAt"]),
    )


def wired(filter: JobFilter) -> dict[str, Any]:
    """A filter as requests have it."""
    return wire.filter_shown(filter.given())


@dataclass(frozen=True, slots=True)
class _Told(Distribution):
    """One of which only some percentiles are known."""

    known: Mapping[float, float | None] = field(default_factory=dict[float, float | None])

    @property
    def number(self) -> int:
        """At least so many durations."""
        return sum(value is not None for value in self.known.values())

    def percentile(self, percent: float) -> float | None:
        """See `Distribution`; of those that were told."""
        return self.known[percent]


def _distribution(shown: Shown, what: str) -> Distribution:
    return _Told(known={percent: shown[f"{what}P{percent}"] for percent in (50, 95, 99)})


def _attempt(shown: Shown) -> Attempt:
    message = shown["error"]
    error = None
    if message is not None:
        kind, traceback = shown["errorType"] or "", shown["traceback"] or ""
        error = JobError(kind, message, traceback, exit=_exit(shown["exit"]))
    return Attempt(
        shown["attempt"],
        Outcome(shown["outcome"]),
        shown["startedAt"],
        shown["finishedAt"],
        shown["worker"],
        error,
    )


def _error(shown: Shown, history: tuple[Attempt, ...]) -> JobError:
    """Of a job; its traceback is that of the attempt it ended."""
    last = history[-1].error if history else None
    return JobError(
        shown["type"],
        shown["message"],
        last.traceback if last else "",
        shown["origin"] or "",
        _exit(shown["exit"]),
        shown["fingerprint"] or "",
    )


def _exit(shown: Shown | None) -> Exit | None:
    return None if shown is None else Exit(shown["signal"], shown["code"], shown["peakMemory"])
