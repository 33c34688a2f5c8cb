"""What there is as JSON: names are npm kiribi's, times ISO 8601. No framework: the CLI uses it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from kiribi._explain import Explanation, Reason
from kiribi._scheduled import ScheduleInfo
from kiribi.action import Action
from kiribi.batch import Batch
from kiribi.job import Attempt, Exit, Job, JobError, Outcome, utc
from kiribi.ports import BindingInfo, LogLine, WorkerInfo
from kiribi.schedule import Cron, When
from kiribi.search import BindingStats, FailureGroup
from kiribi.unique import PARTS, KeyHeld

logger = logging.getLogger("kiribi")

Redact = Callable[[str, Any], Any]
"""`(binding, payload)` to what may be shown of the payload."""

OPTIONS = {
    "max_attempts": "maxRetries",
    "retry_delay": "retryDelay",
    "first_delay": "firstDelay",
    "at": "at",
    "timeout": "timeout",
    "priority": "priority",
    "after": "after",
    "after_failed": "afterFailed",
    "concurrency_key": "concurrencyKey",
    "unique": "unique",
}
"""Options by their Python and their JSON names."""

LIMITS = {
    "concurrency": "concurrency",
    "concurrency_per_key": "concurrencyPerKey",
    "rate_limit": "rateLimit",
    "rate_limit_per_key": "rateLimitPerKey",
    "retry_budget": "retryBudget",
}
"""Limits of a binding by their Python and their JSON names."""

UNIQUE = {"on_conflict": "onConflict"}
"""Parts of `unique` whose JSON names differ from the Python ones."""

FILTER = {"created_after": "createdAfter", "created_before": "createdBefore"}
"""Times in a filter by their Python and their JSON names."""

WIRE_NAMES = {
    **{name: f"params.{wire}" for name, wire in OPTIONS.items()},
    **{f"retry_delay.{part}": f"params.retryDelay.{part}" for part in ("base", "cap")},
    **{f"filter.{name}": f"filter.{wire}" for name, wire in FILTER.items()},
    **{f"unique.{part}": f"params.unique.{UNIQUE.get(part, part)}" for part in PARTS},
    "older_than": "olderThan",
}
"""Where errors name a field: its Python name, and where it is in a request."""


def iso(ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC."""
    return utc(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(ms: int | None) -> str | None:
    """Like `iso`, where there may be no time."""
    return None if ms is None else iso(ms)


def listed(job: Job, redact: Redact) -> dict[str, Any]:
    """A job as in lists."""
    error = job.error
    return {
        "id": job.id,
        "binding": job.binding,
        "status": job.status,
        "attempts": job.attempts,
        "failures": job.failures,
        "crashes": job.crashes,
        "priority": job.priority,
        "createdAt": iso(job.created_ms),
        "updatedAt": iso(job.updated_ms),
        "dueAt": iso(job.due_ms),
        "startedAt": iso_or_none(job.started_ms),
        "finishedAt": iso_or_none(job.finished_ms),
        "completedAt": iso_or_none(job.finished_ms if job.status == "COMPLETED" else None),
        "processingTime": job.processing_ms,
        "payload": shown_payload(job, redact),
        "reason": job.reason,
        "error": error and _error(error),
        "progress": None
        if job.progress is None
        else {"fraction": job.progress[0], "message": job.progress[1]},
        "worker": job.worker,
        "cancelRequested": job.cancel_requested,
        "duplicate": job.duplicate,
    }


def detailed(job: Job, redact: Redact) -> dict[str, Any]:
    """A job with its options, attempts and return value."""
    return {
        **listed(job, redact),
        "params": params(job.options) or None,
        "schedule": job.schedule,
        "tick": iso_or_none(job.options.get("tick")),
        "result": [_attempt(attempt) for attempt in job.history],
        "returnValue": job.result,
    }


def params(options: Mapping[str, Any]) -> dict[str, Any]:
    """Stored options by their JSON names."""
    found = {wire: options[name] for name, wire in OPTIONS.items() if name in options}
    if "at" in found:
        found["at"] = iso(found["at"])
    if isinstance(found.get("unique"), Mapping):
        rule = cast("Mapping[str, Any]", found["unique"])
        found["unique"] = {UNIQUE.get(name, name): value for name, value in rule.items()}
    return found


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `enqueue` from a request's params; what is null is not given."""
    return {name: params[wire] for name, wire in OPTIONS.items() if params.get(wire) is not None}


def schedule_shown(info: ScheduleInfo, redact: Redact) -> dict[str, Any]:
    """A recurring job. Read as it is stored: its time zone need not be known here."""
    stored = json.loads(info.definition)
    last = {"id": info.last_job, "status": info.last_status}
    return {
        "name": info.name,
        "binding": stored["binding"],
        "cron": stored.get("cron"),
        "tz": stored.get("tz"),
        "every": stored.get("every"),
        "payload": redacted(stored["binding"], stored["payload"], redact, f"schedule {info.name}"),
        "params": params(stored["options"]) or None,
        "missed": stored["missed"],
        "overlap": stored["overlap"],
        "declared": info.declared,
        "paused": info.paused,
        "nextAt": iso_or_none(info.next_ms),
        "lastTickAt": iso_or_none(info.last_tick_ms),
        "lastJob": last if info.last_job else None,
        "createdAt": iso(info.created_ms),
    }


def times_shown(when: When, times: Iterable[datetime]) -> dict[str, Any]:
    """Ticks to come."""
    return {
        "tz": when.tz if isinstance(when, Cron) else None,
        "times": [iso(round(time.timestamp() * 1000)) for time in times],
    }


def shown_payload(job: Job, redact: Redact) -> Any:
    """The payload after redaction; nothing of it where the redaction fails."""
    return redacted(job.binding, job.payload, redact, f"job {job.id} of {job.binding}")


def redacted(binding: str, payload: Any, redact: Redact, what: str) -> Any:
    """A payload after redaction; nothing of it where the redaction fails."""
    if payload is None:
        return None
    try:
        shown = redact(binding, payload)
        if shown is not payload:
            json.dumps(shown, allow_nan=False)
    except Exception:  # the application's own code: whatever it raises, hide
        logger.exception("redact failed for %s: its payload is not shown", what)
        return None
    return shown


def _reason(reason: Reason, *, hides: bool) -> dict[str, Any]:
    message, params = reason.message, reason.params
    if hides and reason.code == "unique_key":  # made of fields of the payload
        message, params = message.replace(f" {params['key']}", ""), {**params, "key": None}
    return {"code": reason.code, "message": message, "params": params}


def _is_redacted(job: Job, redact: Redact) -> bool:
    return shown_payload(job, redact) != job.payload


def _error(error: JobError) -> dict[str, Any]:
    return {
        "type": error.type,
        "message": error.message,
        "origin": error.origin or None,
        "fingerprint": error.fingerprint or None,
        "exit": error.exit and _exit(error.exit),
    }


def _exit(exit: Exit) -> dict[str, Any]:
    return {"signal": exit.signal, "code": exit.code, "peakMemory": exit.peak_memory}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    error = attempt.error
    return {
        "status": "success" if attempt.outcome is Outcome.COMPLETED else "failed",
        "outcome": attempt.outcome,
        "error": None if error is None else error.message,
        "errorType": None if error is None else error.type,
        "traceback": (error.traceback or None) if error else None,
        "exit": error and error.exit and _exit(error.exit),
        "startedAt": attempt.started_ms,
        "finishedAt": attempt.finished_ms,
        "processingTime": max(0, attempt.finished_ms - attempt.started_ms),
        "attempt": attempt.number,
        "worker": attempt.worker,
    }


def line_shown(seq: int, line: LogLine) -> dict[str, Any]:
    """A line of a job's log."""
    return {
        "seq": seq,
        "attempt": line.attempt,
        "at": iso(line.at_ms),
        "level": line.level,
        "message": line.message,
    }


def explained(explanation: Explanation, redact: Redact) -> dict[str, Any]:
    """Why a job is where it is."""
    job = explanation.job
    hides = _is_redacted(job, redact)
    reasons = [_reason(reason, hides=hides) for reason in explanation.reasons]
    return {"id": job.id, "status": job.status, "reasons": reasons}


def key_shown(job: Job, unique: KeyHeld | None, redact: Redact) -> dict[str, Any] | None:
    """The unique key of a job, and who holds it."""
    if unique is None:
        return None
    return {
        "key": None if _is_redacted(job, redact) else unique.key or None,
        "states": unique.states,
        "until": iso_or_none(unique.until_ms),
        "holder": unique.holder,
        "heldUntil": iso_or_none(unique.held_until_ms),
    }


def batch_shown(batch: Batch, redact: Redact) -> dict[str, Any]:
    """How far a batch has come."""
    return {
        "id": batch.id,
        "total": batch.total,
        "ended": batch.ended,
        "progress": batch.progress,
        "counts": dict(batch.counts),
        "callback": listed(batch.callback, redact),
    }


def action_shown(action: Action) -> dict[str, Any]:
    """A bulk action."""
    return {
        "id": action.id,
        "kind": action.kind,
        "filter": filter_shown(action.filter),
        "who": action.who,
        "status": action.status,
        "matched": action.matched,
        "done": action.done,
        "skipped": action.skipped,
        "failed": action.failed,
        "reason": action.reason,
        "createdAt": iso(action.created_ms),
        "updatedAt": iso(action.updated_ms),
        "finishedAt": iso_or_none(action.finished_ms),
    }


def filter_shown(filter: Mapping[str, Any]) -> dict[str, Any]:
    """A filter, given as `JobFilter.given` does."""
    shown = {FILTER.get(name, name): value for name, value in filter.items()}
    return {name: iso(shown[name]) if name in FILTER.values() else shown[name] for name in shown}


def binding_shown(info: BindingInfo) -> dict[str, Any]:
    """A kind of job."""
    return {
        "name": info.name,
        "defaults": params(info.defaults),
        "schema": info.schema,
        "paused": info.paused,
        "lastSeenAt": iso_or_none(info.last_seen_ms),
        "limits": _limits(info.limits),
        "overrides": _limits(info.overrides),
        "declared": _limits(info.declared),
        "breaker": None
        if "retry_budget" not in info.limits
        else {"open": info.probe_ms is not None, "failures": info.streak, "probe": info.probe_ms},
    }


def _limits(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {LIMITS[name]: limit for name, limit in limits.items()}


def tally(stats: BindingStats) -> dict[str, Any]:
    """What became of jobs of one binding."""
    return {
        "binding": stats.binding,
        "since": iso(stats.from_ms),
        "seconds": stats.seconds,
        "enqueued": stats.enqueued,
        "completed": stats.completed,
        "failed": stats.failed,
        "retried": stats.retried,
        "cancelled": stats.cancelled,
        "crashed": stats.crashed,
        "wait": stats.wait_ms,
        "run": stats.run_ms,
        "waitP50": stats.wait.p50,
        "waitP95": stats.wait.p95,
        "waitP99": stats.wait.p99,
        "runP50": stats.run.p50,
        "runP95": stats.run.p95,
        "runP99": stats.run.p99,
        "failureRate": stats.failure_rate,
        "throughput": stats.throughput,
    }


def failure_shown(group: FailureGroup) -> dict[str, Any]:
    """Failures of one cause."""
    return {
        "fingerprint": group.fingerprint,
        "binding": group.binding,
        "type": group.type,
        "origin": group.origin or None,
        "message": group.message,
        "job": group.job_id,
        "count": group.number,
        "firstAt": iso(group.first_ms),
        "lastAt": iso(group.last_ms),
    }


def worker_shown(info: WorkerInfo) -> dict[str, Any]:
    """A worker."""
    return {
        "id": info.id,
        "host": info.host,
        "pid": info.pid,
        "version": info.version,
        "bindings": info.bindings,
        "slots": info.slots,
        "startedAt": iso(info.started_ms),
        "alive": info.dead_reason is None and info.lease_ms > 0,
        "lease": max(0, info.lease_ms),
        "deadReason": info.dead_reason,
    }
