"""Recurring jobs of a manager elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kiribi._scheduled import ScheduleInfo
from kiribi._schedules import Schedules, checked_name, existing
from kiribi.cli.remote import unwired
from kiribi.errors import ScheduleNotFound
from kiribi.job import Job
from kiribi.options import recurring
from kiribi.schedule import Cron, Every, Schedule
from kiribi.search import MAX_PAGE_SIZE
from kiribi.web import wire

if TYPE_CHECKING:
    from kiribi.cli.remote.client import Client


class RemoteSchedules(Schedules):
    """See `Schedules`: the same calls, by REST."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, name: str, binding: Any, schedule: Any) -> ScheduleInfo:
        """See `Schedules`."""
        checked_name(name)
        asked = {"name": name, "binding": binding, **_wired(schedule)}
        return unwired.schedule(await self._client.post("schedules", body=asked))

    async def find(self, name: str) -> ScheduleInfo | None:
        """See `Schedules`."""
        checked_name(name)
        try:
            return unwired.schedule(await self._client.get("schedules", name))
        except ScheduleNotFound:
            return None

    async def find_many(self, *, after: str = "", limit: int = MAX_PAGE_SIZE) -> list[ScheduleInfo]:
        """See `Schedules`."""
        told = await self._client.get("schedules", after=after, limit=limit)
        return [unwired.schedule(each) for each in told]

    async def edit(self, name: str, schedule: Any) -> ScheduleInfo:
        """See `Schedules`. Only what differs is sent: of the payload we may see but a part."""
        now = _wired((await existing(self, name)).schedule)
        becomes = _wired(schedule)
        changes = {part: value for part, value in becomes.items() if now.get(part) != value}
        return unwired.schedule(await self._client.patch("schedules", name, body=changes))

    async def pause(self, name: str) -> ScheduleInfo:
        """See `Schedules`."""
        return unwired.schedule(await self._client.post("schedules", name, "pause"))

    async def resume(self, name: str) -> ScheduleInfo:
        """See `Schedules`."""
        return unwired.schedule(await self._client.post("schedules", name, "resume"))

    async def run_now(self, name: str) -> Job:
        """See `Schedules`."""
        return unwired.job(await self._client.post("schedules", name, "run"))

    async def delete(self, name: str) -> None:
        """See `Schedules`."""
        await self._client.delete("schedules", name)


def _wired(schedule: Schedule | Cron | Every) -> dict[str, Any]:
    """A schedule as requests have it."""
    whole = schedule if isinstance(schedule, Schedule) else Schedule(schedule)
    when = whole.when
    ticks: dict[str, Any] = (
        {"cron": when.expression, "tz": when.tz}
        if isinstance(when, Cron)
        else {"every": when.seconds}
    )
    return {
        **ticks,
        "payload": whole.payload,
        "params": wire.params(recurring(whole.options)),
        "missed": whole.missed,
        "overlap": whole.overlap,
    }
