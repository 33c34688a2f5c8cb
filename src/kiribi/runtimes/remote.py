"""What other Workers may call of the manager, by the names of Python and of npm kiribi.

Only what `REMOTE` lists can be called. Arguments come as JSON-like data, options by either name
(`maxRetries` or `max_attempts`); what is answered is plain data with npm's names, times as
datetimes: the platform makes them the caller's (a `Date` in JavaScript).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from kiribi._acting import SWEPT, WEEK
from kiribi._actions import Acted
from kiribi.errors import InvalidInput, JobNotFound, unknown_name
from kiribi.job import Job, JobStatus
from kiribi.manager import Kiribi
from kiribi.web import wire

PARAMS = {wire_name: name for name, wire_name in wire.OPTIONS.items()}
UNIQUE = {wire_name: name for name, wire_name in wire.UNIQUE.items()}
FILTERS = {wire_name: name for name, wire_name in wire.FILTER.items()}
SORTS = {
    "createdAt": "created_at",
    "startedAt": "started_at",
    "finishedAt": "finished_at",
    "completedAt": "completed_at",
    "processingTime": "processing_time",
}
PAGE = 100
"""Jobs that `findMany` answers where no page is asked for, as npm kiribi does."""
TIMES = (
    *("createdAt", "updatedAt", "dueAt", "startedAt", "finishedAt", "completedAt", "tick"),
    *("since", "firstAt", "lastAt"),
)
"""What is answered as a time, by its name."""


class Remote:
    """The manager as other Workers see it."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi

    async def enqueue(
        self, binding: str, payload: Any = None, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Accept a job: it is durably stored on return."""
        job = await self._kiribi.enqueue(binding, arrived(payload), **options(params))
        return _shown(job)

    async def enqueue_many(self, jobs: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
        """Accept many, each `[binding, payload]` or `[binding, payload, params]`."""
        asked = [_asked(at, job) for at, job in enumerate(jobs)]
        return [_shown(job) for job in await self._kiribi.enqueue_many(asked)]

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
        return _detailed(job)

    async def find_many(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """A page of jobs: `{filter, sort: {key, desc}, page: {index, size}}`."""
        asked = _parts("findMany", asked, ("filter", "sort", "page"))
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
        return [_shown(job) for job in found.jobs]

    async def count(self, filter: Mapping[str, Any] | None = None) -> int:
        """How many jobs match, exact to 10,000."""
        return (await self._kiribi.count(filter_of(filter))).value

    async def find_dead_jobs(self) -> list[dict[str, Any]]:
        """Jobs whose worker is lost."""
        return [_shown(job) for job in await self._kiribi.find_dead_jobs()]

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
        return [_shown(job) for job in await self._kiribi.recover(id)]

    async def sweep(self, asked: Mapping[str, Any] | None = None) -> int:
        """Remove old jobs: `{olderThan: Date or milliseconds, statuses: […] or "*"}`; how many."""
        asked = _parts("sweep", asked, ("olderThan", "older_than", "statuses"))
        older: Any = asked.get("older_than", WEEK)
        if (given := asked.get("olderThan")) is not None:
            older = given if isinstance(given, datetime) else _seconds("olderThan", given)
        statuses: Any = asked.get("statuses") or SWEPT
        every = tuple(JobStatus) if statuses == "*" else statuses
        return await self._kiribi.sweep(aware(older), every)

    async def pause(self, binding: str) -> None:
        """Claim no more jobs of a binding."""
        await self._kiribi.pause(binding)

    async def resume(self, binding: str) -> None:
        """Claim its jobs again."""
        await self._kiribi.resume(binding)

    async def explain(self, id: str) -> dict[str, Any]:
        """Why a job is where it is."""
        return plain(wire.explained(await self._kiribi.explain(id), _whole))

    async def stats(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """What became of jobs, by binding: `{hours, bucket, bindings}`."""
        given = _parts("stats", asked, ("hours", "bucket", "bindings"))
        return [_dated(wire.tally(one)) for one in await self._kiribi.stats(**given)]

    async def failures(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """What goes wrong, by cause: `{hours, bindings, limit}`."""
        given = _parts("failures", asked, ("hours", "bindings", "limit"))
        return [_dated(wire.failure_shown(one)) for one in await self._kiribi.failures(**given)]

    async def result(self, id: str, timeout: float = 30) -> Any:
        """Wait for a job's return value, `timeout` seconds at most."""
        return plain(await self._kiribi.result(id, timeout))

    async def _act(self, action: Callable[[Any], Awaitable[Any]], target: Any) -> Any:
        if isinstance(target, Mapping):
            target = filter_of(cast("Mapping[str, Any]", target))
        answer = await action(target)
        if isinstance(answer, Job):
            return _detailed(answer)
        assert isinstance(answer, Acted)  # noqa: S101 - the actions answer nothing else
        return {"done": list(answer.done), "skipped": [list(one) for one in answer.skipped]}


REMOTE: Mapping[str, str] = {
    **{
        name: name
        for name in (
            *("enqueue", "enqueue_many", "perform", "find", "find_many", "count", "find_dead_jobs"),
            *("cancel", "retry", "run_now", "delete", "recover", "sweep", "pause", "resume"),
            *("explain", "stats", "failures", "result"),
        )
    },
    "enqueueMany": "enqueue_many",
    "findMany": "find_many",
    "findDeadJobs": "find_dead_jobs",
    "deleteMany": "delete",
    "delete_many": "delete",
    "runNow": "run_now",
}
"""What may be called, by the name it is called by: the method of `Remote`."""


def options(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of `enqueue` by their Python names.

    Raises:
        InvalidInput: they are no mapping.
    """
    if params is None:
        return {}
    if not isinstance(cast("object", params), Mapping):
        raise InvalidInput("params", params, "give an object of options, or leave it out")
    given = {PARAMS.get(name, name): aware(value) for name, value in params.items()}
    if isinstance(rule := given.get("unique"), Mapping):
        parts = cast("Mapping[str, Any]", rule).items()
        given["unique"] = {UNIQUE.get(name, name): value for name, value in parts}
    return given


def filter_of(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A filter by its Python names; what is an empty list, or absent, is not asked for."""
    if given is None:
        return None
    return {FILTERS.get(name, name): aware(value) for name, value in given.items() if value != []}


def aware(value: Any) -> Any:
    """A `Date` of JavaScript arrives as a datetime without a zone: it means UTC."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and not value.tzinfo else value


def arrived(payload: Any) -> Any:
    """A payload as JavaScript's JSON has it: a `Date` is a text."""
    if isinstance(payload, datetime):
        text = payload.replace(tzinfo=None).isoformat(timespec="milliseconds")
        return f"{text}Z" if payload.tzinfo in (None, UTC) else payload
    if isinstance(payload, Mapping):
        items = cast("Mapping[Any, Any]", payload).items()
        return {key: arrived(value) for key, value in items}
    if isinstance(payload, list | tuple):
        return [arrived(value) for value in cast("Sequence[Any]", payload)]
    return payload


def _asked(at: int, job: Any) -> tuple[Any, Any, dict[str, Any]]:
    given = list(cast("Sequence[Any]", job)) if isinstance(job, list | tuple) else []
    if not 1 <= len(given) <= 3:
        raise InvalidInput(
            f"jobs[{at}]", cast("object", job), "give [binding, payload, params] of each"
        )
    binding, payload, params = [*given, None, None][:3]
    return binding, arrived(payload), options(params)


def plain(value: Any) -> Any:
    """Data that may cross: no tuples, no enumerations."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in cast("Sequence[Any]", value)]
    return value


def _shown(job: Job) -> dict[str, Any]:
    return _dated(wire.listed(job, _whole))


def _detailed(job: Job) -> dict[str, Any]:
    return _dated(wire.detailed(job, _whole))


def _whole(_: str, payload: Any) -> Any:
    return payload


def _dated(shown: Mapping[str, Any]) -> dict[str, Any]:
    times = {
        name: shown[name] and datetime.fromisoformat(shown[name]) for name in TIMES if name in shown
    }
    return {**plain(shown), **times}


def _parts(what: str, asked: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """What is asked for, by name; nothing is nothing."""
    if asked is None:
        return {}
    if not isinstance(asked, Mapping):
        raise InvalidInput(what, asked, f"give an object with any of {', '.join(names)}")
    given = cast("Mapping[str, Any]", asked)
    for name in given:
        if name not in names:
            raise unknown_name(what, name, names)
    return given


def _seconds(field: str, milliseconds: object) -> float:
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool):
        raise InvalidInput(field, milliseconds, "give a Date, or milliseconds")
    return milliseconds / 1000
