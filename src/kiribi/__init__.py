"""Kiribi: a job system with a memory.

Every job is a durable record, found, searched, counted and acted on, before, while and after it
runs. Start at `Kiribi` (what applications call) and `Performer` (what they write).
"""

import sys

from kiribi._actions import Acted
from kiribi._explain import Explanation, Reason
from kiribi._meta import Meta
from kiribi._scheduled import ScheduleInfo
from kiribi._version import __version__
from kiribi.action import Action, ActionStatus
from kiribi.backoff import Exponential
from kiribi.batch import Batch
from kiribi.distribution import Distribution
from kiribi.errors import (
    ActionNotFound,
    Cancel,
    Conflict,
    Discard,
    Duplicate,
    IdConflict,
    IllegalTransition,
    InvalidApplication,
    InvalidDatabaseURL,
    InvalidInput,
    InvalidPayload,
    JobCancelled,
    JobFailed,
    JobNotFound,
    KiribiError,
    KiribiTimeoutError,
    LeaseLost,
    NotConnected,
    NotFinished,
    NotSupported,
    Retry,
    ScheduleConflict,
    ScheduleNotFound,
    SchemaMismatch,
    Snooze,
    StoreError,
    StoreUnavailable,
    UnknownBinding,
)
from kiribi.job import Attempt, Exit, Job, JobError, JobStatus, Outcome, new_id
from kiribi.limits import RateLimit, RetryBudget
from kiribi.manager import Kiribi
from kiribi.options import EnqueueOptions
from kiribi.performer import Performer
from kiribi.schedule import Cron, Every, Schedule
from kiribi.search import BindingStats, Count, FailureGroup, JobFilter, Page, Pulse
from kiribi.unique import KeyHeld, Unique

__all__ = [
    "Acted",
    "Action",
    "ActionNotFound",
    "ActionStatus",
    "Attempt",
    "Batch",
    "BindingStats",
    "Cancel",
    "Conflict",
    "Count",
    "Cron",
    "Discard",
    "Distribution",
    "Duplicate",
    "EnqueueOptions",
    "Every",
    "Exit",
    "Explanation",
    "Exponential",
    "FailureGroup",
    "IdConflict",
    "IllegalTransition",
    "InvalidApplication",
    "InvalidDatabaseURL",
    "InvalidInput",
    "InvalidPayload",
    "Job",
    "JobCancelled",
    "JobError",
    "JobFailed",
    "JobFilter",
    "JobNotFound",
    "JobStatus",
    "KeyHeld",
    "Kiribi",
    "KiribiError",
    "KiribiTimeoutError",
    "LeaseLost",
    "Meta",
    "NotConnected",
    "NotFinished",
    "NotSupported",
    "Outcome",
    "Page",
    "Performer",
    "Pulse",
    "RateLimit",
    "Reason",
    "Retry",
    "RetryBudget",
    "Schedule",
    "ScheduleConflict",
    "ScheduleInfo",
    "ScheduleNotFound",
    "SchemaMismatch",
    "Snooze",
    "StoreError",
    "StoreUnavailable",
    "Unique",
    "UnknownBinding",
    "__version__",
    "new_id",
]

if sys.platform == "emscripten":  # a Python Worker, whose snapshot is made after this
    import kiribi.runtimes.cloudflare  # noqa: F401 - it makes our classes entrypoints
