"""One call of `insert` with one job and nothing special about it: the same, for less."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet

from kiribi.job import Job
from kiribi.ports import NewJob
from kiribi.stores._insertion import in_time, inline, pending
from kiribi.stores._rows import Row
from kiribi.stores._search import Params


class Single:
    """A plain job, with its final id, as statements of one batch."""

    def __init__(self, job: NewJob, now_ms: int) -> None:
        self._job = job
        self.id = in_time(job.id, now_ms)

    @staticmethod
    def fits(job: NewJob, known: AbstractSet[str]) -> bool:
        """Whether a job is plain. `known`: bindings that need not be made known again."""
        return (
            not job.chosen_id
            and not job.after
            and job.unique is None
            and job.binding in known
            and inline(job.payload)
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
        now, due, priority = row
        return pending(self.id, self._job, json.loads(self._job.payload), priority, due, now)
