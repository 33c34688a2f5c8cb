"""One call of `insert` with one job, plain or unique: the same, for less."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from kiribi.job import Job
from kiribi.ports import NewJob
from kiribi.stores._insertion import concurrency_key, in_time, inline, pending
from kiribi.stores._rows import Params, Row, dumps


class Single:
    """A job, with its final id, as statements of one batch."""

    def __init__(self, job: NewJob, now_ms: int) -> None:
        self._job = job
        self.id = in_time(job.id, now_ms)

    @staticmethod
    def fits(job: NewJob, known: AbstractSet[str]) -> bool:
        """Whether a job is simple enough. `known`: bindings that need not be made known again."""
        return not job.chosen_id and not job.after and job.binding in known and inline(job.payload)

    @property
    def statements(self) -> list[tuple[str, Params]]:
        """Count it, store it, if its unique key is free, and tell its key's lane."""
        job, unique = self._job, self._job.unique
        new = (
            self.id,
            job.binding,
            job.payload,
            job.options,
            job.priority,
            job.delay_ms,
            job.at_ms,
        )
        batch: list[tuple[str, Params]]
        if unique is None:
            batch = [("count_one", (job.binding, self.id)), ("insert_one", new)]
        else:
            how = (unique.key, dumps(unique.states), unique.within_ms)
            batch = [
                ("release_key", (job.binding, unique.key)),
                ("count_one_unique", (job.binding, unique.key, self.id)),
                ("insert_one_unique", (*new, *how)),
            ]
        if key := concurrency_key(job):
            batch.append(("insert_lanes", (dumps([key]),)))
        return batch

    def answer(self, rows: Sequence[Sequence[Row]]) -> Job | None:
        """The job as stored; None if it was not: another holds its key, or it was there before."""
        stored = rows[1 if self._job.unique is None else 2]
        if not stored:
            return None
        now, due, priority = stored[0]
        return pending(self.id, self._job, json.loads(self._job.payload), priority, due, now)
