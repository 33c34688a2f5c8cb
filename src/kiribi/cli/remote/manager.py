"""`Kiribi` as commands use it, by the REST API of a manager elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, cast

from kiribi._actions import Acted
from kiribi._explain import Explanation
from kiribi._looking import Filter
from kiribi.action import Action, ActionStatus
from kiribi.batch import Batch
from kiribi.cli.remote import unwired
from kiribi.cli.remote.schedules import RemoteSchedules
from kiribi.errors import JobNotFound, NotSupported
from kiribi.job import Job, JobStatus
from kiribi.limits import checked_limits
from kiribi.manager import Kiribi
from kiribi.options import EnqueueOptions, whole
from kiribi.ports import BindingInfo, LogLine, WorkerInfo
from kiribi.search import (
    PAGE_SIZE,
    BindingStats,
    Count,
    FailureGroup,
    JobFilter,
    Page,
    checked_limit,
)
from kiribi.unique import KeyHeld
from kiribi.web import wire

if TYPE_CHECKING:
    from kiribi.cli.remote.client import Client

LOOK_SECONDS = 0.5
"""Between two looks at an action."""


class Polling:
    """A doorbell that nobody hears: see `ports.Queue`. Who waits, looks again later."""

    def ring(self, delays: Iterable[float] = (0,), bindings: Collection[str] | None = None) -> None:
        """See `ports.Queue`: whoever is asked rings."""

    def mark(self) -> int:
        """See `ports.Queue`."""
        return 0

    async def wait(
        self, mark: int, timeout: float, bindings: Collection[str] | None = None
    ) -> bool:
        """See `ports.Queue`."""
        del mark, bindings
        await asyncio.sleep(timeout)
        return True

    async def close(self) -> None:
        """See `ports.Queue`."""


class RemoteKiribi(Kiribi):
    """A manager elsewhere. What it has no route for needs the database, and says so.

    Payloads are as its `redact` shows them.
    """

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self.queue = Polling()
        self.schedules = RemoteSchedules(client)
        self.performers = {}

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name == "store":
                raise NotSupported("this needs the database itself: give --database, not --url")
            raise AttributeError(name)

    async def enqueue(self, binding: Any, payload: Any = None, **options: Any) -> Job:
        """See `Kiribi`."""
        parsed = EnqueueOptions.parse(options)
        asked = {"binding": binding, "payload": payload, "params": wire.params(parsed.stored())}
        if parsed.id:
            asked["id"] = parsed.id
        return unwired.job(await self._client.post("enqueue", body=asked))

    async def cancel(self, target: Any) -> Any:
        """See `Kiribi`; ids only."""
        return await self._acted("cancel", target)

    async def retry(self, target: Any) -> Any:
        """See `Kiribi`; ids only."""
        return await self._acted("retry", target)

    async def run_now(self, target: Any) -> Any:
        """See `Kiribi`; ids only."""
        return await self._acted("run-now", target)

    async def delete(self, target: Any) -> Acted:
        """See `Kiribi`; ids only."""
        return await self._acted("delete-many", target)

    async def _acted(self, what: str, ids: Sequence[str]) -> Acted:
        told = await self._client.post("jobs", what, body={"ids": list(ids)})
        skipped = tuple((each["id"], each["reason"]) for each in told["skipped"])
        return Acted(tuple(told["done"]), skipped)

    async def start_action(self, kind: str, filter: Filter, *, who: str = "") -> Action:
        """See `Kiribi`; who asks is put on record as the manager sees it."""
        del who
        asked = {"kind": kind, "filter": unwired.wired(JobFilter.parse(filter))}
        return unwired.action(await self._client.post("actions", body=asked))

    async def steps(self, kind: str, filter: Filter) -> AsyncIterator[Action]:
        """Begin an action and follow it to its end."""
        action = await self.start_action(kind, filter)
        yield action
        while action.status is ActionStatus.RUNNING:
            await asyncio.sleep(LOOK_SECONDS)
            action = await self.action(action.id)
            yield action

    async def actions(self, *, before: str | None = None, limit: int = PAGE_SIZE) -> list[Action]:
        """See `Kiribi`."""
        checked_limit("limit", limit)
        told = await self._client.get("actions", before=before, limit=limit)
        return [unwired.action(each) for each in told["actions"]]

    async def action(self, id: str) -> Action:
        """See `Kiribi`."""
        return unwired.action(await self._client.get("actions", id))

    async def abort(self, id: str) -> Action:
        """See `Kiribi`."""
        return unwired.action(await self._client.post("actions", id, "abort"))

    async def recovered(self, id: str | None = None) -> int:
        """How many jobs `Kiribi.recover` has rescued there."""
        told = await self._client.post("recover", body=None if id is None else {"id": id})
        return told["count"]

    async def sweep_steps(
        self,
        older_than: float | datetime = 0,
        statuses: Sequence[JobStatus | str] = (),
        *,
        dry_run: bool = False,
    ) -> AsyncIterator[int]:
        """See `Kiribi`; in one step."""
        age = round(cast("float", older_than) * 1000)  # as the command has it
        asked = {"olderThan": age, "statuses": list(statuses), "dryRun": dry_run}
        yield (await self._client.post("sweep", body=asked))["count"]

    async def pause(self, binding: Any) -> None:
        """See `Kiribi`."""
        await self._client.post("bindings", binding, "pause")

    async def resume(self, binding: Any) -> None:
        """See `Kiribi`."""
        await self._client.post("bindings", binding, "resume")

    async def limit(self, binding: Any, **limits: Any) -> None:
        """See `Kiribi`."""
        asked = {wire.LIMITS[name]: limit for name, limit in checked_limits(limits).items()}
        await self._client.post("bindings", binding, "limit", body=asked)

    async def reset_limits(self, binding: Any) -> None:
        """See `Kiribi`."""
        await self._client.post("bindings", binding, "reset-limits")

    # Looking

    async def find(self, id: str) -> Job | None:
        """See `Kiribi`."""
        try:
            return unwired.job(await self._client.get("jobs", id))
        except JobNotFound:
            return None

    async def find_many(
        self,
        filter: Filter | None = None,
        *,
        before: str | None = None,
        limit: int = PAGE_SIZE,
        **_: Any,
    ) -> Page:
        """See `Kiribi`; newest first."""
        checked_limit("limit", limit)
        asked = {"filter": unwired.wired(JobFilter.parse(filter)), "before": before, "limit": limit}
        return unwired.page(await self._client.post("search", body=asked))

    async def count(self, filter: Filter | None = None) -> Count:
        """See `Kiribi`."""
        asked = {"filter": unwired.wired(JobFilter.parse(filter))}
        told = await self._client.post("count", body=asked)
        return Count(told["count"], told["exact"])

    async def logs(
        self, id: str, *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, LogLine]]:
        """See `Kiribi`."""
        told = await self._client.get("jobs", id, "logs", after=after, limit=limit)
        return [unwired.line(id, each) for each in told["lines"]]

    async def explain(self, id: str) -> Explanation:
        """See `Kiribi`."""
        shown = await self._client.get("jobs", id, "explain")
        return unwired.explanation(unwired.job(await self._client.get("jobs", id)), shown)

    async def unique_key(self, id: str) -> KeyHeld | None:
        """See `Kiribi`."""
        shown = await self._client.get("jobs", id)
        return unwired.key_held(shown["uniqueKey"]) if shown.get("uniqueKey") else None

    async def batch(self, id: str) -> Batch:
        """See `Kiribi`."""
        return unwired.batch(await self._client.get("batches", id))

    async def stats(
        self, *, hours: float = 24, bucket: float | None = None, bindings: Sequence[str] = ()
    ) -> list[BindingStats]:
        """See `Kiribi`; totals."""
        del bucket
        told = await self._client.get("stats", hours=hours, binding=list(bindings))
        return [unwired.stats(each) for each in told["bindings"]]

    async def failures(
        self, *, hours: float | None = None, bindings: Sequence[str] = (), limit: int = PAGE_SIZE
    ) -> list[FailureGroup]:
        """See `Kiribi`."""
        whole(1, 1_000)("limit", limit)
        asked = {"hours": hours, "binding": list(bindings), "limit": limit}
        return [unwired.failure(each) for each in await self._client.get("failures", **asked)]

    async def bindings(self) -> list[BindingInfo]:
        """See `Kiribi`."""
        return [unwired.binding(each) for each in await self._client.get("binding-details")]

    async def workers(self) -> list[WorkerInfo]:
        """See `Kiribi`."""
        return [unwired.worker(each) for each in await self._client.get("workers")]
