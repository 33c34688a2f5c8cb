"""One call of `insert` with one job and nothing special about it: the same, for less."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import Any

from kiribi.job import Job, JobStatus, id_ms
from kiribi.ports import NewJob
from kiribi.stores._insertion import INLINE, SKEW, reminted
from kiribi.stores._rows import Row
from kiribi.stores._search import Params


class Single:
    """A plain job, with its final id, as statements of one batch."""

    def __init__(self, job: NewJob, now_ms: int) -> None:
        self._job = job
        self.id = job.id if abs(id_ms(job.id) - now_ms) <= SKEW else reminted(job.id, now_ms)

    @staticmethod
    def fits(job: NewJob, known: AbstractSet[str]) -> bool:
        """Whether a job is plain. `known`: bindings that need not be made known again."""
        return (
            not job.chosen_id
            and not job.after
            and job.unique is None
            and job.binding in known
            and len(job.payload) <= INLINE
            and (job.payload.isascii() or len(job.payload.encode()) <= INLINE)
        )

    @property
    def statements(self) -> list[tuple[str, Params]]:
        """Count it, then store it."""
        job = self._job
        values = (job.payload, job.options, job.priority, job.delay_ms, job.at_ms)
        return [
            ("count_one", (job.binding, self.id)),
            ("insert_one", (self.id, job.binding, *values)),
        ]

    def answer(self, row: Row) -> Job:
        """The job as stored."""
        job = self._job
        now, due, priority = row
        payload = json.loads(job.payload)
        options: dict[str, Any] = json.loads(job.options) if job.options else {}
        status = JobStatus.PENDING
        return Job(self.id, job.binding, status, payload, options, priority, 0, 0, 0, due, now)
