"""One call of `insert` with one job and nothing special about it: the same, for less."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet

from kiribi.job import Job
from kiribi.ports import NewJob
from kiribi.stores._insertion import concurrency_key, in_time, inline, pending
from kiribi.stores._rows import Params, Row, dumps


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
        """Count it, then store it, and tell its key's lane."""
        job = self._job
        values = (job.payload, job.options, job.priority, job.delay_ms, job.at_ms)
        batch: list[tuple[str, Params]] = [
            ("count_one", (job.binding, self.id)),
            ("insert_one", (self.id, job.binding, *values)),
        ]
        if key := concurrency_key(job):
            batch.append(("insert_lanes", (dumps([key]),)))
        return batch

    def answer(self, row: Row) -> Job:
        """The job as stored."""
        now, due, priority = row
        return pending(self.id, self._job, json.loads(self._job.payload), priority, due, now)
