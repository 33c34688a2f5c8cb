"""The part of the manager that acts on very many jobs, in steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import cast

from kiribi import _actions, search
from kiribi._looking import Filter, Looking
from kiribi.action import KINDS, MAX_WHO, Action
from kiribi.errors import Conflict, InvalidInput, checked_seconds, unknown_name
from kiribi.job import JobStatus, epoch_ms
from kiribi.options import aware
from kiribi.search import JobFilter

DAY = 86_400.0
WEEK = 7 * DAY
CENTURY = 100 * 365 * DAY
SWEPT = (JobStatus.COMPLETED, JobStatus.CANCELLED)


class Acting(Looking):
    """What may be done to very many jobs, in steps."""

    async def ring(self) -> None:
        """Tell the workers that something is due: after the commit of a `transaction` of yours.

        Without it they notice within a second.
        """
        self.queue.ring()

    async def start_action(self, kind: str, filter: Filter, *, who: str = "") -> Action:
        """Have something done to all jobs that match now, in the background: any number of them.

        It is recorded, and carried out in steps of a thousand by whoever ticks: workers, `kiribi
        dev` and `kiribi serve`. `cancel` and the like do the same within the call.

        Args:
            kind: cancel, retry, run_now or delete.
            who: for the record, up to 200 characters.

        Raises:
            InvalidInput: the kind, the filter or `who` is wrong.
        """
        from kiribi._carrier import begin

        if kind not in KINDS:
            raise unknown_name("kind", kind, KINDS)
        if not isinstance(cast("object", who), str) or len(who) > MAX_WHO:
            raise InvalidInput("who", who, f"give a text of up to {MAX_WHO} characters")
        action = await begin(self.store, kind, JobFilter.parse(filter), who)
        self.queue.ring()
        return action

    async def abort(self, id: str) -> Action:
        """End a bulk action: a step under way is carried out as a whole, or not at all.

        Raises:
            ActionNotFound: no such action.
            Conflict: it has ended.
        """
        aborted = await self.store.abort_action(id)
        action = await self.action(id)
        if not aborted:
            raise Conflict(f"action {id!r} is {action.status}: only running ones can be aborted")
        return action

    async def sweep(
        self,
        older_than: float | datetime = WEEK,
        statuses: Sequence[JobStatus | str] = SWEPT,
        *,
        dry_run: bool = False,
    ) -> int:
        """Remove jobs created over `older_than` seconds ago (or before a time); how many.

        PROCESSING jobs are skipped. `dry_run` only counts.

        Raises:
            InvalidInput: a status, or the age, is wrong.
        """
        total = 0
        async for number in self.sweep_steps(older_than, statuses, dry_run=dry_run):
            total += number
        return total

    async def sweep_steps(
        self,
        older_than: float | datetime = WEEK,
        statuses: Sequence[JobStatus | str] = SWEPT,
        *,
        dry_run: bool = False,
    ) -> AsyncIterator[int]:
        """`sweep` in steps, for a progress bar: the number removed by each."""
        if isinstance(older_than, datetime):
            cutoff = epoch_ms(aware("older_than", older_than))
        else:
            age = checked_seconds("older_than", older_than, most=CENTURY)
            cutoff = await self.store.now_ms() - round(age * 1000)
        swept = search.statuses("statuses", statuses)
        filter = JobFilter(statuses=swept, created_before_ms=max(0, cutoff))
        async for ids in _actions.matching(self.store, filter):
            yield len(ids) if dry_run else len(await self.store.delete(ids, filter.statuses))
