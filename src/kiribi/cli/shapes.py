"""What `--json` prints of jobs: the same as the REST API, unredacted."""

from __future__ import annotations

from typing import Any

from kiribi._explain import Explanation
from kiribi._scheduled import ScheduleInfo
from kiribi.batch import Batch
from kiribi.job import Job
from kiribi.unique import KeyHeld
from kiribi.web import wire


def listed(job: Job) -> dict[str, Any]:
    """A job as in lists."""
    return wire.listed(job, _open)


def detailed(job: Job) -> dict[str, Any]:
    """A job with its options, attempts and return value."""
    return wire.detailed(job, _open)


def whole(job: Job, unique: KeyHeld | None) -> dict[str, Any]:
    """The same, with its unique key."""
    return {**detailed(job), "uniqueKey": wire.key_shown(job, unique, _open)}


def explained(explanation: Explanation) -> dict[str, Any]:
    """Why a job is where it is."""
    return wire.explained(explanation, _open)


def batch(batch: Batch) -> dict[str, Any]:
    """How far a batch has come."""
    return wire.batch_shown(batch, _open)


def schedule(info: ScheduleInfo) -> dict[str, Any]:
    """A recurring job."""
    return wire.schedule_shown(info, _open)


def _open(_: str, payload: Any) -> Any:
    """Who may read the database may see what is in it."""
    return payload
