"""What hooks are told of the attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from kiribi.job import FINAL, Job, utc
from kiribi.lifecycle import Change


@dataclass(frozen=True, slots=True)
class Meta:
    """What hooks learn about the attempt. Times are UTC.

    Attributes:
        id: of the job.
        attempts: the number of this attempt.
        is_final: the job has ended; else it will be tried again.
        params: the job's explicit options.
    """

    id: str
    started_at: datetime
    finished_at: datetime
    attempts: int
    is_final: bool
    params: Mapping[str, Any]

    @classmethod
    def of(cls, job: Job, change: Change, finished_ms: int) -> Self:
        """Of the attempt that `change` has ended."""
        return cls(
            id=job.id,
            started_at=utc(job.started_ms or finished_ms),
            finished_at=utc(finished_ms),
            attempts=job.attempts,
            is_final=change.status in FINAL,
            params=job.options,
        )
