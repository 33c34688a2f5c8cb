"""Calls of `enqueue` inside the transaction of a caller: checked, stored there, rung after it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from kiribi._intake import Asked, Intake, steps
from kiribi.errors import InvalidInput
from kiribi.job import Job
from kiribi.performer import Performer
from kiribi.ports import NewJob, Store

R = TypeVar("R")
ASYNC = "give an async connection here; a blocking one goes to BlockingKiribi"
BLOCKING = "give a blocking connection here; an async one goes to Kiribi"


class Call:
    """One call, with the transaction it was given.

    `checked` and `all_checked` run where the store is at home, `stored` where the transaction is.

    Raises:
        InvalidInput: the transaction is no connection, or one of the other kind.
        NotSupported: see `Store.within`.
    """

    def __init__(
        self, store: Store, intake: Intake, transaction: object, *, notify: bool, blocking: bool
    ) -> None:
        self._within = store.within(transaction)
        if self._within.blocking is not blocking:
            allowed = BLOCKING if blocking else ASYNC
            raise InvalidInput("transaction", type(transaction), allowed)
        self._intake = intake
        self._notify = notify

    async def checked(
        self, binding: str | type[Performer], payload: Any, options: Mapping[str, Any]
    ) -> list[NewJob]:
        """See `Intake`."""
        return await self._prepared([await self._intake.checked(binding, payload, options)])

    async def all_checked(self, jobs: Iterable[Asked]) -> list[NewJob]:
        """See `Intake`."""
        return await self._prepared(await self._intake.all_checked(jobs))

    async def stored(
        self, jobs: Sequence[NewJob], ring: Callable[[Sequence[Job]], None]
    ) -> list[Job]:
        """Store what was checked, and have `ring` called once it is there."""
        if not jobs:
            return []
        stored = await self._within.store(list(steps(jobs)))
        due = {job.binding for job in stored if job.due_ms <= job.updated_ms}
        if self._notify and due:
            await self._within.notify(due)
        self._within.after_commit(lambda: ring(stored))
        return stored

    async def _prepared(self, jobs: list[NewJob]) -> list[NewJob]:
        await self._within.prepare(jobs)
        return jobs


def call(
    store: Store, intake: Intake, transaction: object, *, notify: bool, blocking: bool
) -> Call | None:
    """A call with a transaction; None: it has none.

    Raises:
        InvalidInput: as `Call`; or there is no transaction to notify of.
        NotSupported: as `Call`.
    """
    if transaction is not None:
        return Call(store, intake, transaction, notify=notify, blocking=blocking)
    if notify:
        raise InvalidInput("notify", notify, "give it together with transaction")
    return None


def finished(work: Coroutine[Any, Any, R]) -> R:
    """What `work` returns, which never suspends: its connection blocks."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise RuntimeError("a connection that blocks has suspended")
