"""What requests about recurring jobs contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, StrictBool, StrictStr, WithJsonSchema, model_validator

from kiribi import _schedules
from kiribi.errors import YEAR, InvalidInput
from kiribi.options import MAX_ATTEMPTS, MAX_KEY, MAX_PRIORITY, NOT_UNIQUE
from kiribi.schedule import Cron, Every, Schedule, When
from kiribi.web.asked import BINDING
from kiribi.web.fields import RETRY_DELAY, SECONDS, Asked, misfit, option

NAME = f"^{_schedules.NAME.pattern}$"
ONE_WHEN: dict[str, Any] = {"oneOf": [{"required": ["cron"]}, {"required": ["every"]}]}


class ScheduleParams(Asked):
    """Options of a schedule's jobs."""

    @model_validator(mode="before")
    @classmethod
    def not_unique(cls, given: Any) -> Any:
        """Say what there is instead of `unique`."""
        if isinstance(given, dict) and "unique" in given:
            raise misfit("unique", cast("Any", given["unique"]), NOT_UNIQUE)
        return cast("Any", given)

    max_retries: Annotated[
        Any, *option("max_attempts", {"type": "integer", "minimum": 1, "maximum": MAX_ATTEMPTS})
    ] = Field(None, description="Attempts that may fail before a job has failed.")
    retry_delay: Annotated[Any, *option("retry_delay", RETRY_DELAY)] = Field(
        None, description="Seconds between attempts, constant or growing as base to the failures."
    )
    timeout: Annotated[Any, *option("timeout", {**SECONDS, "exclusiveMinimum": 0})] = Field(
        None, description="Seconds that an attempt may run."
    )
    priority: Annotated[
        Any, *option("priority", {"type": "integer", "minimum": 0, "maximum": MAX_PRIORITY})
    ] = Field(None, description="Each step counts as much as a minute of waiting.")

    concurrency_key: Annotated[
        Any, *option("concurrency_key", {"type": "string", "minLength": 1, "maxLength": MAX_KEY})
    ] = Field(None, description="Jobs of one binding and key run one at a time.")

    def options(self) -> dict[str, Any]:
        """As `Schedule` takes them."""
        given = {
            "max_attempts": self.max_retries,
            "retry_delay": self.retry_delay,
            "timeout": self.timeout,
            "priority": self.priority,
            "concurrency_key": self.concurrency_key,
        }
        return {name: value for name, value in given.items() if value is not None}


def _without_defaults(schema: dict[str, Any]) -> None:
    """What is not given is not set: there are no values to show."""
    for each in schema["properties"].values():
        each.pop("default", None)


class SchedulePart(Asked):
    """What to change of a schedule."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    cron: StrictStr = Field("", max_length=200, description="Minute, hour, day, month, weekday.")
    tz: StrictStr = Field("UTC", max_length=100, description="IANA time zone of `cron`.")
    every: Annotated[float, Field(strict=True, ge=1, le=YEAR)] = Field(
        1.0, description="Seconds, instead of `cron`."
    )
    payload: Any = Field(None, description="Any JSON, or what the performer takes.")
    params: ScheduleParams | None = None
    missed: Literal["once", "all", "skip"] = Field(
        "once", description="What becomes of ticks that nobody fired for over a minute."
    )
    overlap: StrictBool = Field(
        True, description="False: a tick is left out while the job before has not ended."
    )

    @model_validator(mode="after")
    def one_when(self) -> SchedulePart:
        """`cron` and `every` exclude each other."""
        if "every" in self.model_fields_set and {"cron", "tz"} & self.model_fields_set:
            raise misfit("every", self.every, "give either cron and tz, or every")
        return self

    def changed(self, now: Schedule) -> Schedule:
        """`now`, with what is given."""
        given: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("payload", "missed", "overlap")
            if name in self.model_fields_set
        }
        if "params" in self.model_fields_set:
            given["options"] = self.params.options() if self.params else {}
        return replace(now, when=self._when(now.when), **given)

    def _when(self, now: When | None) -> When:
        given = self.model_fields_set
        if "every" in given:
            return Every(self.every)
        before: Mapping[str, str] = (
            {"expression": now.expression, "tz": now.tz} if isinstance(now, Cron) else {}
        )
        parts = {"expression": self.cron} if "cron" in given else {}
        parts |= {"tz": self.tz} if "tz" in given else {}
        if now is not None and not parts:
            return now
        if "expression" not in {**before, **parts}:
            raise InvalidInput("tz", self.tz, "give it together with cron")
        return Cron(**{**before, **parts})


class MakeSchedule(SchedulePart):
    """A schedule to make."""

    model_config = ConfigDict(
        json_schema_extra=lambda schema: (_without_defaults(schema), schema.update(ONE_WHEN))[0]
    )

    name: Annotated[StrictStr, WithJsonSchema({"type": "string", "pattern": NAME})]
    binding: Annotated[StrictStr, WithJsonSchema(BINDING)]

    @model_validator(mode="after")
    def some_when(self) -> MakeSchedule:
        """One of `cron` and `every` is required."""
        if not {"cron", "every"} & self.model_fields_set:
            raise misfit("cron", None, "give cron or every")
        return self

    def schedule(self) -> Schedule:
        """As the manager takes it."""
        return self.changed(Schedule(self._when(None)))
