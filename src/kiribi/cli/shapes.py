"""What `--json` prints: the same objects as the REST API."""

from __future__ import annotations

from typing import Any

from kiribi._explain import Explanation
from kiribi.job import Job
from kiribi.ports import BindingInfo, LogLine, WorkerInfo
from kiribi.search import BindingStats


def listed(job: Job) -> dict[str, Any]:
    """A job as in lists."""
    from kiribi.web import wire

    return wire.listed(job, _open)


def detailed(job: Job) -> dict[str, Any]:
    """A job with its options, attempts and return value."""
    from kiribi.web import wire

    return wire.detailed(job, _open)


def line(seq: int, line: LogLine) -> dict[str, Any]:
    """A line of a job's log."""
    from kiribi.web.wire import iso

    return {
        "seq": seq,
        "attempt": line.attempt,
        "at": iso(line.at_ms),
        "level": line.level,
        "message": line.message,
    }


def explained(explanation: Explanation) -> dict[str, Any]:
    """Why a job is where it is."""
    return {
        "id": explanation.job.id,
        "status": explanation.job.status,
        "reasons": [
            {"code": reason.code, "message": reason.message} for reason in explanation.reasons
        ],
    }


def tally(stats: BindingStats) -> dict[str, Any]:
    """What became of jobs of one binding."""
    from kiribi.web.wire import iso

    return {
        "binding": stats.binding,
        "since": iso(stats.from_ms),
        "enqueued": stats.enqueued,
        "completed": stats.completed,
        "failed": stats.failed,
        "retried": stats.retried,
        "cancelled": stats.cancelled,
        "crashed": stats.crashed,
        "wait": stats.wait_ms,
        "run": stats.run_ms,
        "failureRate": stats.failure_rate,
    }


def binding(info: BindingInfo) -> dict[str, Any]:
    """A kind of job."""
    from kiribi.web.wire import iso_or_none, params

    return {
        "name": info.name,
        "defaults": params(info.defaults),
        "schema": info.schema,
        "paused": info.paused,
        "lastSeenAt": iso_or_none(info.last_seen_ms),
    }


def worker(info: WorkerInfo) -> dict[str, Any]:
    """A worker."""
    from kiribi.web.wire import iso

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


def _open(_: str, payload: Any) -> Any:
    """Who may read the database may see what is in it."""
    return payload
