"""Stores whose answers may be lost after the work was done, so that they have to try again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Protocol

from kiribi.job import Job
from kiribi.lifecycle import Change
from kiribi.ports import DELETABLE, JobStatus
from kiribi.stores._batches import Batch
from kiribi.stores._rows import Row, dumps
from kiribi.stores._sql_store import SqlStore


class Trying(Protocol):
    """Tries a batch until it is carried out; `repeated`: an earlier try may have been, too."""

    @property
    def repeated(self) -> bool:
        """Whether what was answered may be about work that an earlier try had done."""
        ...

    async def __call__(self, batch: Batch) -> list[list[Row]]:
        """As `Batches._write`."""
        ...


class LostAnswers(SqlStore):
    """`apply` and `delete` answer what was done, also where the first try has done it."""

    @abstractmethod
    def _trying(self) -> Trying:
        """For one call."""

    async def apply(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.Store`."""
        write = self._trying()
        took = await self._apply(changes, write)
        if not write.repeated or all(took):
            return took
        # the first try may have done what the second found done
        jobs = {job.id: job for job in await self.find([change.id for change in changes])}
        took = [
            one or (change.id in jobs and _shows(jobs[change.id], change))
            for change, one in zip(changes, took, strict=True)
        ]
        await self._successors.ended(
            [(change.id, None) for change, one in zip(changes, took, strict=True) if one]
        )
        return took

    async def delete(
        self, ids: Sequence[str], statuses: Collection[JobStatus] = DELETABLE
    ) -> list[str]:
        """See `ports.Store`."""
        write = self._trying()
        gone = await self._delete(ids, statuses, write)
        if write.repeated:
            left = {id for (id,) in await self._rows("existing_ids", dumps(list(ids)))}
            gone = [id for id in ids if id not in left]
            await self._successors.ended([(id, None) for id in gone])
        return gone


def _shows(job: Job, change: Change) -> bool:
    """Whether `job` shows that `change` was carried out."""
    if change.outcome is not None:
        return any(
            attempt.number == change.attempts and attempt.outcome is change.outcome
            for attempt in job.history
        )
    return (job.status, job.attempts, job.cancel_requested) == (
        change.status,
        change.attempts,
        change.cancel,
    )
