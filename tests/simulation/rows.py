"""Jobs as their rows have them."""

from __future__ import annotations

from typing import NamedTuple

WAITING = ("PENDING", "RETRY_PENDING")
FINAL = ("COMPLETED", "FAILED", "CANCELLED")
STATUSES = ("PENDING", "PROCESSING", "RETRY_PENDING", *FINAL)
HELD = 253402300799999
"""When a job is due that waits for others."""


class Row(NamedTuple):
    """A job as its row has it."""

    id: str
    binding: str
    status: str
    open: int | None
    rank: int
    due: int
    priority: int
    attempts: int
    failures: int
    crashes: int
    cancel_requested: int
    started_ms: int | None
    finished_ms: int | None
    worker: str | None
    options: str | None
    payload: str
    result: str | None
    error: str | None
    history: str | None
    key: str | None


JOBS = f"SELECT {', '.join(Row._fields)} FROM job"
