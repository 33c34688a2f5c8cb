"""What other Workers may call of the manager, by the names of Python and of npm kiribi.

Only what `REMOTE` lists can be called. How arguments and answers look: see `crossing`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from kiribi._acting import SWEPT, WEEK
from kiribi._actions import Acted
from kiribi.batch import Batch
from kiribi.errors import InvalidInput, JobNotFound
from kiribi.job import Job, JobStatus
from kiribi.runtimes.crossing import (
    arrived,
    aware,
    dated,
    detailed,
    filter_of,
    job_of,
    listed,
    options,
    parts,
    plain,
    whole,
)
from kiribi.runtimes.remote_schedules import Recurring
from kiribi.runtimes.remote_steering import Steering
from kiribi.web import wire

SORTS = {
    "createdAt": "created_at",
    "startedAt": "started_at",
    "finishedAt": "finished_at",
    "completedAt": "completed_at",
    "processingTime": "processing_time",
}
PAGE = 100
"""Jobs that `findMany` answers where no page is asked for, as npm kiribi does."""


class Remote(Steering, Recurring):
    """The manager as other Workers see it."""

    async def enqueue(
        self, binding: str, payload: Any = None, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Accept a job: it is durably stored on return."""
        job = await self._kiribi.enqueue(binding, arrived(payload), **options(params))
        return listed(job)

    async def enqueue_many(self, jobs: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
        """Accept many, each `[binding, payload]` or `[binding, payload, params]`."""
        asked = [job_of(f"jobs[{at}]", job) for at, job in enumerate(jobs)]
        return [listed(job) for job in await self._kiribi.enqueue_many(asked)]

    async def enqueue_batch(self, jobs: Iterable[Any], then: Any) -> dict[str, Any]:
        """Accept many and a callback job that runs once they have all ended; each as above."""
        asked = [job_of(f"jobs[{at}]", job) for at, job in enumerate(jobs)]
        batch = await self._kiribi.enqueue_batch(asked, job_of("then", then))
        return batch_shown(batch)

    async def batch(self, id: str) -> dict[str, Any]:
        """How far a batch has come, by the id of its callback job."""
        return batch_shown(await self._kiribi.batch(id))

    async def perform(
        self,
        binding: str,
        payload: Any = None,
        params: Mapping[str, Any] | None = None,
        wait: float = 30,
    ) -> Any:
        """Run a job now, recorded like any other; what it returns, or it is an error."""
        given = options(params)
        return plain(await self._kiribi.perform(binding, arrived(payload), wait=wait, **given))

    async def find(self, id: str) -> dict[str, Any]:
        """One job with its attempts; it is an error if there is none."""
        job = await self._kiribi.find(id)
        if job is None:
            raise JobNotFound(id)
        return detailed(job)

    async def find_many(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """A page of jobs: `{filter, sort: {key, desc}, page: {index, size}}`."""
        asked = parts("findMany", asked, ("filter", "sort", "page"))
        sort: Mapping[str, Any] = asked.get("sort") or {}
        page: Mapping[str, Any] = asked.get("page") or {}
        size = page.get("size", PAGE)
        key: Any = sort.get("key")
        found = await self._kiribi.find_many(
            filter_of(asked.get("filter")),
            sort=SORTS.get(key, key),
            desc=sort.get("desc", True) if key else True,
            offset=page.get("index", 0) * size,
            limit=size,
        )
        return [listed(job) for job in found.jobs]

    async def count(self, filter: Mapping[str, Any] | None = None) -> int:
        """How many jobs match, exact to 10,000."""
        return (await self._kiribi.count(filter_of(filter))).value

    async def find_dead_jobs(self) -> list[dict[str, Any]]:
        """Jobs whose worker is lost."""
        return [listed(job) for job in await self._kiribi.find_dead_jobs()]

    async def cancel(self, target: Any) -> Any:
        """Cancel a job (an id), or several (ids or a filter)."""
        return await self._act(self._kiribi.cancel, target)

    async def retry(self, target: Any) -> Any:
        """Run an ended job again, or several."""
        return await self._act(self._kiribi.retry, target)

    async def run_now(self, target: Any) -> Any:
        """Make a waiting job due at once, or several."""
        return await self._act(self._kiribi.run_now, target)

    async def delete(self, target: Any) -> Any:
        """Remove a job that does not run, or several."""
        return await self._act(self._kiribi.delete, target)

    async def recover(self, id: str | None = None) -> list[dict[str, Any]]:
        """Rescue what lost invocations held, and ring for what is due."""
        return [listed(job) for job in await self._kiribi.recover(id)]

    async def sweep(self, asked: Mapping[str, Any] | None = None) -> int:
        """Remove old jobs: `{olderThan: Date or milliseconds, statuses: […] or "*"}`; how many."""
        asked = parts("sweep", asked, ("olderThan", "older_than", "statuses"))
        older: Any = asked.get("older_than", WEEK)
        if (given := asked.get("olderThan")) is not None:
            older = given if isinstance(given, datetime) else _seconds("olderThan", given)
        statuses: Any = asked.get("statuses") or SWEPT
        every = tuple(JobStatus) if statuses == "*" else statuses
        return await self._kiribi.sweep(aware(older), every)

    async def unique_key(self, id: str) -> dict[str, Any] | None:
        """The unique key of a job, and who holds it now; nothing if it has none."""
        held = await self._kiribi.unique_key(id)
        if held is None:
            return None
        return dated(wire.key_shown(Job(id, ""), held, whole) or {})

    async def logs(self, id: str, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """A job's log, oldest first: `{after, limit}`, `after` being a `seq`."""
        given = parts("logs", asked, ("after", "limit"))
        return [dated(wire.line_shown(*line)) for line in await self._kiribi.logs(id, **given)]

    async def explain(self, id: str) -> dict[str, Any]:
        """Why a job is where it is."""
        return plain(wire.explained(await self._kiribi.explain(id), whole))

    async def result(self, id: str, timeout: float = 30) -> Any:
        """Wait for a job's return value, `timeout` seconds at most."""
        return plain(await self._kiribi.result(id, timeout))

    async def _act(self, action: Callable[[Any], Awaitable[Any]], target: Any) -> Any:
        if isinstance(target, Mapping):
            target = filter_of(cast("Mapping[str, Any]", target))
        answer = await action(target)
        if isinstance(answer, Job):
            return detailed(answer)
        assert isinstance(answer, Acted)  # noqa: S101 - the actions answer nothing else
        return {"done": list(answer.done), "skipped": [list(one) for one in answer.skipped]}


NAMES = (
    *("enqueue", "enqueue_many", "enqueue_batch", "batch", "perform", "result"),
    *("find", "find_many", "find_dead_jobs", "count", "logs", "explain"),
    *("unique_key", "stats", "failures"),
    *("cancel", "retry", "run_now", "delete", "recover", "sweep"),
    *("start_action", "action", "actions", "abort"),
    *("bindings", "workers", "pause", "resume", "limit", "reset_limits"),
    *("create_schedule", "find_schedule", "find_schedules", "edit_schedule", "delete_schedule"),
    *("pause_schedule", "resume_schedule", "run_schedule", "next_ticks"),
)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


REMOTE: Mapping[str, str] = {
    **{name: name for name in NAMES},
    **{_camel(name): name for name in NAMES},
    "deleteMany": "delete",
    "delete_many": "delete",
}
"""What may be called, by the name it is called by: the method of `Remote`."""


def batch_shown(batch: Batch) -> dict[str, Any]:
    """How far a batch has come."""
    return {**plain(wire.batch_shown(batch, whole)), "callback": listed(batch.callback)}


def _seconds(field: str, milliseconds: object) -> float:
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool):
        raise InvalidInput(field, milliseconds, "give a Date, or milliseconds")
    return milliseconds / 1000
