"""What other Workers may call of `kiribi.schedules`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kiribi._schedules import existing
from kiribi.errors import InvalidInput, ScheduleNotFound
from kiribi.runtimes.crossing import arrived, dated, detailed, options, parts, whole
from kiribi.schedule import Cron, Every, Schedule, When
from kiribi.web import wire

if TYPE_CHECKING:
    from kiribi._scheduled import ScheduleInfo
    from kiribi.manager import Kiribi

PARTS = ("cron", "tz", "every", "payload", "params", "missed", "overlap")


class Recurring:
    """Its half that is about schedules."""

    _kiribi: Kiribi

    async def create_schedule(
        self, name: str, binding: str, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make one: `{cron, tz}` or `{every}`, `payload`, `params`, `missed`, `overlap`."""
        given = parts("createSchedule", asked, PARTS)
        schedule = Schedule(_when(given, None), **_rest(given))
        return _shown(await self._kiribi.schedules.create(name, binding, schedule))

    async def find_schedule(self, name: str) -> dict[str, Any]:
        """One schedule; it is an error if there is none."""
        info = await self._kiribi.schedules.find(name)
        if info is None:
            raise ScheduleNotFound(name)
        return _shown(info)

    async def find_schedules(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Schedules by name: `{after, limit}`, `after` being a name."""
        given = parts("findSchedules", asked, ("after", "limit"))
        return [_shown(info) for info in await self._kiribi.schedules.find_many(**given)]

    async def edit_schedule(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is given, leave the rest."""
        given = parts("editSchedule", asked, PARTS)
        now = (await existing(self._kiribi.schedules, name)).schedule
        becomes = replace(now, when=_when(given, now.when), **_rest(given))
        return _shown(await self._kiribi.schedules.edit(name, becomes))

    async def pause_schedule(self, name: str) -> dict[str, Any]:
        """Run no tick until it is resumed."""
        return _shown(await self._kiribi.schedules.pause(name))

    async def resume_schedule(self, name: str) -> dict[str, Any]:
        """Go on with the first tick after now."""
        return _shown(await self._kiribi.schedules.resume(name))

    async def run_schedule(self, name: str) -> dict[str, Any]:
        """Enqueue its job now: the job."""
        return detailed(await self._kiribi.schedules.run_now(name))

    async def delete_schedule(self, name: str) -> None:
        """Remove one; the jobs it made stay."""
        await self._kiribi.schedules.delete(name)

    async def next_ticks(self, name: str, number: int = 5) -> list[datetime]:
        """Its next ticks; none while it is paused."""
        return [time.astimezone(UTC) for time in await self._kiribi.schedules.next(name, number)]


def _when(given: Mapping[str, Any], now: When | None) -> When:
    cron, tz, every = (given.get(name) for name in ("cron", "tz", "every"))
    if every is not None and (cron is not None or tz is not None):
        raise InvalidInput("every", every, "give either cron and tz, or every")
    if every is not None:
        return Every(every)
    if cron is None and tz is None and now is not None:
        return now
    if cron is None and not isinstance(now, Cron):
        raise InvalidInput("cron", cron, "give cron or every")
    before = (now.expression, now.tz) if isinstance(now, Cron) else ("", "UTC")
    return Cron(before[0] if cron is None else cron, before[1] if tz is None else tz)


def _rest(given: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: given[name] for name in ("missed", "overlap") if name in given}
    if "payload" in given:
        rest["payload"] = arrived(given["payload"])
    if "params" in given:
        rest["options"] = options(given["params"])
    return rest


def _shown(info: ScheduleInfo) -> dict[str, Any]:
    return dated(wire.schedule_shown(info, whole))
