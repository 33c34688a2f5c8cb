"""What requests contain."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from kiribi.errors import YEAR, InvalidInput, unknown_name
from kiribi.job import ID, JobStatus
from kiribi.limits import CHECKS as LIMITS
from kiribi.limits import MOST
from kiribi.options import AFTER_FAILED, CHECKS, MAX_AFTER, MAX_ATTEMPTS, MAX_KEY, MAX_PRIORITY
from kiribi.performer import BINDING_PATTERN
from kiribi.search import CHECKS as CONDITIONS
from kiribi.search import (
    FINGERPRINT,
    MAX_PAGE_SIZE,
    PAGE_SIZE,
    PATH,
    REASONS,
    JobFilter,
    statuses,
)
from kiribi.unique import FIELD, MAX_FIELDS, ON_CONFLICT
from kiribi.web import wire
from kiribi.web.fields import (
    RETRY_DELAY,
    SECONDS,
    STATUS,
    Asked,
    Schema,
    Whole,
    checked,
    condition,
    misfit,
    option,
    texts,
    time,
)

MAX_IDS = 10_000
MAX_WAIT = 60.0
YEAR_MS = 100 * 365 * 86_400_000.0
ALL_OR_SOME = {"anyOf": [{"const": "*"}, texts(STATUS)]}
NAME = {"type": "string"}
UUID7 = {"type": "string", "pattern": f"^{ID.pattern}$"}
ID_OR_NULL = {"anyOf": [UUID7, {"type": "null"}]}
BINDING = {"type": "string", "pattern": f"^{BINDING_PATTERN.pattern}$"}
COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST}
PERIOD: Schema = {"type": "number", "minimum": 0.001, "maximum": YEAR}
RATE: Schema = {
    "type": "object",
    "properties": {
        "limit": COUNT,
        "per": {**PERIOD, "default": 1},
        "burst": {**COUNT, "default": 1},
    },
    "required": ["limit"],
    "additionalProperties": False,
}
BUDGET: Schema = {
    "type": "object",
    "properties": {"failures": COUNT, "probe": {**PERIOD, "default": 30}},
    "required": ["failures"],
    "additionalProperties": False,
}
TEXT = {"type": "string", "minLength": 1, "maxLength": 1000}

Id = Annotated[StrictStr, Field(min_length=1, max_length=100)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=MAX_IDS)]
Wait = Annotated[float, Field(strict=True, ge=0, le=MAX_WAIT)]


AFTER = {"anyOf": [UUID7, {"type": "array", "items": UUID7, "minItems": 1, "maxItems": MAX_AFTER}]}
FAILED_WITHOUT_AFTER: dict[str, Any] = {
    "properties": {"afterFailed": {"type": "string"}},
    "required": ["afterFailed"],
    "not": {"properties": {"after": {"type": ["string", "array"]}}, "required": ["after"]},
}
START: dict[str, Any] = {"properties": {"at": {"type": "string"}, "firstDelay": {"type": "number"}}}


PARTS = {wire: name for name, wire in wire.UNIQUE.items()}
"""Parts of `unique` by their JSON and their Python names, where these differ."""
UNIQUE: dict[str, Any] = {
    "anyOf": [
        {"type": "boolean"},
        {
            "type": "object",
            "properties": {
                "key": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
                "by": {
                    "type": "array",
                    "items": {"type": "string", "pattern": f"^{FIELD.pattern}$"},
                    "maxItems": MAX_FIELDS,
                },
                "within": {**SECONDS, "exclusiveMinimum": 0},
                "states": {"type": "array", "items": STATUS, "contains": {"const": "PENDING"}},
                "onConflict": {"type": "string", "enum": [*ON_CONFLICT]},
            },
            "additionalProperties": False,
        },
    ]
}


def _unique(name: str, value: object) -> Any:
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        for part in parts:
            if part not in UNIQUE["anyOf"][1]["properties"]:
                raise unknown_name(name, part, UNIQUE["anyOf"][1]["properties"])
        value = {PARTS.get(part, part): given for part, given in parts.items()}
    try:
        return CHECKS["unique"](name, value)
    except InvalidInput as error:
        part = error.field.removeprefix(f"{name}.")
        field = name if part == error.field else f"{name}.{wire.UNIQUE.get(part, part)}"
        raise InvalidInput(field, error.value, error.allowed) from None


class Params(Asked):
    """Options of a job; what is not given is the performer's or the manager's default."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"anyOf": [{**START, "required": ["at", "firstDelay"]}, FAILED_WITHOUT_AFTER]}
        }
    )

    max_retries: Annotated[
        Any, *option("max_attempts", {"type": "integer", "minimum": 1, "maximum": MAX_ATTEMPTS})
    ] = Field(None, description="Attempts that may fail before the job has failed.")
    retry_delay: Annotated[Any, *option("retry_delay", RETRY_DELAY)] = Field(
        None, description="Seconds between attempts, constant or growing as base to the failures."
    )
    first_delay: Annotated[Any, *option("first_delay", SECONDS)] = Field(
        None, description="Seconds before the first attempt."
    )
    at: Annotated[Any, *time(CHECKS["at"], "at")] = Field(
        None, description="Time of the first attempt; excludes firstDelay."
    )
    timeout: Annotated[Any, *option("timeout", {**SECONDS, "exclusiveMinimum": 0})] = Field(
        None, description="Seconds that an attempt may run."
    )
    priority: Annotated[
        Any, *option("priority", {"type": "integer", "minimum": 0, "maximum": MAX_PRIORITY})
    ] = Field(None, description="Each step counts as much as a minute of waiting.")
    after: Annotated[Any, *option("after", AFTER)] = Field(
        None, description="Ids of jobs to wait for: it runs once all of them have COMPLETED."
    )
    after_failed: Annotated[
        Any, *option("after_failed", {"type": "string", "enum": [*AFTER_FAILED]})
    ] = Field(None, description="If one of these ends otherwise: cancel (default), run or wait.")

    concurrency_key: Annotated[
        Any, *option("concurrency_key", {"type": "string", "minLength": 1, "maxLength": MAX_KEY})
    ] = Field(None, description="Jobs of a binding with the same key run one at a time.")

    unique: Annotated[Any, *checked("unique", _unique, UNIQUE)] = Field(
        None, description="No second job of the binding with the same key; true: same payload."
    )

    @model_validator(mode="after")
    def one_start(self) -> Params:
        """`at` and `firstDelay` exclude each other."""
        if self.at is not None and self.first_delay is not None:
            raise misfit("at", self.at.isoformat(), "give either at or firstDelay")
        if self.after_failed is not None and self.after is None:
            raise misfit("afterFailed", self.after_failed, "give it together with after")
        if self.unique and self.after:
            raise misfit("unique", True, "give either unique or after")
        return self

    def options(self) -> dict[str, Any]:
        """As `enqueue` takes them."""
        given = {
            "max_attempts": self.max_retries,
            "retry_delay": self.retry_delay,
            "first_delay": self.first_delay,
            "at": self.at,
            "timeout": self.timeout,
            "priority": self.priority,
            "after": self.after,
            "after_failed": self.after_failed,
            "concurrency_key": self.concurrency_key,
            "unique": self.unique,
        }
        return {name: value for name, value in given.items() if value is not None}


class Filter(Asked):
    """Which jobs; all that is given must hold."""

    binding: Annotated[Any, *condition("binding", texts(NAME))] = Field(
        None, description="Any of these bindings."
    )
    status: Annotated[Any, *condition("status", texts(STATUS))] = Field(
        None, description="Any of these statuses."
    )
    payload: Annotated[
        Any,
        *condition(
            "payload",
            {
                "type": "object",
                "propertyNames": {"pattern": f"^{PATH.pattern}$"},
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
        ),
    ] = Field(None, description="Paths into the payload and the values they must have.")
    error: Annotated[Any, *condition("error", TEXT)] = Field(
        None, description="Text in the type or message of the last error, in any case."
    )
    created_after: Annotated[Any, *time(CONDITIONS["created_after"][1], "filter.created_after")] = (
        Field(None, description="Inclusive.")
    )
    created_before: Annotated[
        Any, *time(CONDITIONS["created_before"][1], "filter.created_before")
    ] = Field(None, description="Exclusive.")
    ids: Annotated[Any, *condition("ids", texts(NAME))] = Field(None, description="Any of these.")
    fingerprint: Annotated[
        Any, *condition("fingerprint", {"type": "string", "pattern": f"^{FINGERPRINT.pattern}$"})
    ] = Field(None, description="Of the last error, from `/api/failures`.")
    reason: Annotated[Any, *condition("reason", {"type": "string", "enum": [*REASONS]})] = Field(
        None, description="Why it is FAILED; crashed: it killed its workers, three times."
    )

    def job_filter(self) -> JobFilter:
        """As the manager takes it."""
        return JobFilter(
            bindings=self.binding or (),
            statuses=self.status or (),
            payload=self.payload or {},
            error=self.error,
            created_after_ms=self.created_after,
            created_before_ms=self.created_before,
            ids=self.ids or (),
            fingerprint=self.fingerprint,
            reason=self.reason,
        )


class Search(Asked):
    """A page of a search."""

    filter: Filter | None = None
    before: Annotated[StrictStr | None, WithJsonSchema(ID_OR_NULL)] = Field(
        None, description="`next` of the page before."
    )
    limit: Whole = Field(PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE)


class Matching(Asked):
    """What to count."""

    filter: Filter | None = None


def _exactly_one(schema: dict[str, Any]) -> None:
    for name, each in schema["properties"].items():
        schema["properties"][name] = each["anyOf"][0]
    schema["oneOf"] = [{"required": [name]} for name in schema["properties"]]


class Target(Asked):
    """Jobs to act on: their ids, or everything a filter matches."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    ids: Ids | None = None
    filter: Filter | None = None

    @model_validator(mode="after")
    def one_kind(self) -> Target:
        """Ids and a filter exclude each other; an empty request does not mean all jobs."""
        if len(self.model_fields_set) != 1 or self.ids is self.filter:
            raise misfit("ids", self.ids, "give either ids or a filter")
        return self

    def target(self) -> list[str] | JobFilter:
        """As the manager takes it."""
        return self.ids if self.filter is None else self.filter.job_filter()  # type: ignore[return-value] # one_kind


class Enqueue(Asked):
    """A job to accept."""

    binding: Annotated[StrictStr, WithJsonSchema(BINDING)]
    payload: Any = Field(None, description="Any JSON, or what the performer takes.")
    params: Params | None = None
    id: Annotated[Any, *option("id", UUID7)] = Field(
        None, description="A UUIDv7 that makes the request repeatable."
    )

    def job(self) -> tuple[str, Any, dict[str, Any]]:
        """As `enqueue_many` takes it."""
        options = self.params.options() if self.params else {}
        return self.binding, self.payload, options | ({"id": self.id} if self.id else {})


class NewBatch(Asked):
    """Jobs side by side, and one that runs after all of them."""

    jobs: Annotated[list[Enqueue], Field(max_length=MAX_AFTER)]
    then: Enqueue


class NewAction(Asked):
    """What to do to all jobs that a filter matches."""

    kind: Literal["cancel", "retry", "run_now", "delete"]
    filter: Filter


class Perform(Enqueue):
    """A job to accept and to wait for."""

    wait: Wait = Field(30.0, description="Seconds to wait for its end.")


def _limit(name: str, schema: dict[str, Any]) -> Any:
    return checked(name, LIMITS[name], schema)


class Limit(Asked):
    """Limits of a binding; null lifts one, what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    concurrency: Annotated[Any, *_limit("concurrency", COUNT)] = Field(
        None, description="Jobs that run at a time, over all workers."
    )
    concurrency_per_key: Annotated[Any, *_limit("concurrency_per_key", COUNT)] = Field(
        None, description="Of those with the same concurrencyKey; 1 where nobody says more."
    )
    rate_limit: Annotated[Any, *_limit("rate_limit", RATE)] = Field(
        None, description="Jobs that start in a time, over all workers."
    )
    rate_limit_per_key: Annotated[Any, *_limit("rate_limit_per_key", RATE)] = Field(
        None, description="Of those with the same concurrencyKey."
    )
    retry_budget: Annotated[Any, *_limit("retry_budget", BUDGET)] = Field(
        None, description="Failures in a row after which jobs wait and one at a time probes."
    )

    @model_validator(mode="after")
    def some(self) -> Limit:
        """An empty request is a mistake."""
        if not self.model_fields_set:
            raise misfit("concurrency", None, "give at least one limit")
        return self

    def limits(self) -> dict[str, Any]:
        """As `Kiribi.limit` takes them."""
        given = self.model_fields_set  # a set: its order is by chance
        return {name: getattr(self, name) for name in type(self).model_fields if name in given}


def _statuses(name: str, value: object) -> tuple[JobStatus, ...]:
    return tuple(JobStatus) if value == "*" else statuses(name, value)


class Sweep(Asked):
    """Which jobs to remove for good."""

    older_than: Annotated[float, Field(strict=True, ge=0, le=YEAR_MS)] = Field(
        7 * 86_400_000.0, description="Milliseconds since they were enqueued."
    )
    statuses: Annotated[Any, *checked("statuses", _statuses, ALL_OR_SOME)] = Field(
        None, description='"*" for all but PROCESSING; by default COMPLETED and CANCELLED.'
    )
    dry_run: StrictBool = Field(False, description="Only count.")


class Recover(Asked):
    """What to recover; by default everything that was lost."""

    id: Id | None = None


class Login(Asked):
    """The token of this server."""

    token: Annotated[StrictStr, Field(min_length=1, max_length=1000)]


class Listing(BaseModel):
    """A page as npm kiribi's web client asks for it; unknown names are left out."""

    class Some(BaseModel):
        """Which jobs: one value or several of each."""

        binding: Annotated[Any, *condition("binding", texts(NAME))] = None
        status: Annotated[Any, *condition("status", texts(STATUS))] = None

    class Sort(BaseModel):
        """In which order; no value counts as the least."""

        key: Literal[
            "attempts", "createdAt", "startedAt", "finishedAt", "completedAt", "processingTime"
        ]
        desc: StrictBool

    class Page(BaseModel):
        """Where in it."""

        index: Whole = Field(ge=0, le=1_000_000)
        size: Whole = Field(ge=1, le=MAX_PAGE_SIZE)

    filter: Some | None = None
    sort: Sort | None = None
    page: Page | None = None

    def job_filter(self) -> JobFilter:
        """As the manager takes it."""
        some = self.filter or Listing.Some()
        return JobFilter(bindings=some.binding or (), statuses=some.status or ())
