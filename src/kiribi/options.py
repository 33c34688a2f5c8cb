"""The options of one enqueue: checked once, then frozen."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, TypedDict, cast

from kiribi.backoff import Exponential, RetryDelay
from kiribi.errors import InvalidInput, checked_seconds, unknown_name
from kiribi.job import Job, epoch_ms
from kiribi.unique import Unique, unique

MAX_ATTEMPTS = 1_000
MAX_PRIORITY = 9
MAX_KEY = 200
"""Characters of a key."""
PARTS = ("exponential", "base", "cap")
"""Of an `Exponential` as JSON."""
MAX_YEAR = 9998
"""Of times given: the next one ends earlier in UTC than in time zones behind it."""


MAX_AFTER = 10_000
"""Jobs that one job may wait for."""
AFTER_FAILED = ("cancel", "run", "wait")

AfterFailed = Literal["cancel", "run", "wait"]


class Options(TypedDict, total=False):
    """The keyword arguments of `enqueue`, for type checkers; `EnqueueOptions` describes them."""

    id: str | uuid.UUID | None
    max_attempts: int | None
    first_delay: float | None
    at: datetime | None
    retry_delay: RetryDelay | Mapping[str, Any] | None
    timeout: float | None
    priority: int | None
    after: str | uuid.UUID | Job | Sequence[str | uuid.UUID | Job] | None
    after_failed: AfterFailed | None
    concurrency_key: str | None
    unique: Unique | Mapping[str, Any] | bool | None


class Enqueuing(Options, total=False):
    """All keyword arguments of `enqueue`, for type checkers: options, and whose transaction."""

    transaction: Any
    notify: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueueOptions:
    """What the caller of `enqueue` chose; None means: the performer's or manager's default.

    Attributes:
        id: a UUIDv7 (see `kiribi.new_id`) that makes the call repeatable.
        max_attempts: failures after which the job is FAILED, 1 to 1,000.
        first_delay: seconds before the first run.
        at: the time of the first run; an aware datetime. Excludes `first_delay`.
        retry_delay: seconds, or `Exponential(base, cap)`, between attempts.
        timeout: seconds an attempt may run.
        priority: 0 to 9; each step counts as much as a minute of waiting.
        after: up to 10,000 stored jobs, or their ids: it runs once all of them have COMPLETED;
            `first_delay` counts from then.
        after_failed: what happens if one of them ends otherwise: it is cancelled ("cancel", the
            default), runs once all have ended ("run"), or waits for the retry ("wait").
        concurrency_key: jobs of one binding and key run one at a time (or as many as the
            performer's `concurrency_per_key` says), and keys take turns; 1 to 200 characters.
        unique: no second job of the binding with the same key: a `Unique`, or True for the whole
            payload; False: not, whatever the performer's default. Excludes `after`.
    """

    id: str | None = None
    max_attempts: int | None = None
    first_delay: float | None = None
    at: datetime | None = None
    retry_delay: RetryDelay | None = None
    timeout: float | None = None
    priority: int | None = None
    after: tuple[str, ...] | None = None
    after_failed: AfterFailed | None = None
    concurrency_key: str | None = None
    unique: Unique | Literal[False] | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> EnqueueOptions:
        """Check `given`.

        Raises:
            InvalidInput: naming the option, its value and what is allowed.
        """
        if not given:
            return NO_OPTIONS
        checked: dict[str, Any] = {}
        for name, value in given.items():
            if name not in CHECKS:
                raise unknown_name("options", name, CHECKS)
            checked[name] = None if value is None else CHECKS[name](name, value)
        if checked.get("at") is not None and checked.get("first_delay") is not None:
            raise InvalidInput("at", given["at"], "give either at or first_delay")
        if checked.get("after_failed") is not None and checked.get("after") is None:
            raise InvalidInput("after_failed", given["after_failed"], "give it together with after")
        if checked.get("id") is not None and checked["id"] in (checked.get("after") or ()):
            raise InvalidInput("after", given["id"], "a job cannot wait for itself")
        if checked.get("unique") and checked.get("after"):
            raise InvalidInput("unique", given["unique"], "give either unique or after")
        return cls(**checked)

    def stored(self) -> dict[str, Any]:
        """The explicit options as JSON, by name; `id` is the job's own."""
        kept: dict[str, Any] = {}
        if self is NO_OPTIONS:
            return kept
        for option in fields(self):
            value = getattr(self, option.name)
            if value is None or value == () or option.name == "id":
                continue
            kept[option.name] = encoded(value)
        return kept


NO_OPTIONS = EnqueueOptions()


RECURRING = ("max_attempts", "retry_delay", "timeout", "priority", "concurrency_key")
"""Options that the jobs of a schedule may have."""
NOT_UNIQUE = "each tick makes a job; for one at a time give the schedule overlap=False"


def recurring(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a schedule's jobs, as they are stored.

    Raises:
        InvalidInput: naming the option, its value and what is allowed.
    """
    for name in given:
        if name == "unique":
            raise InvalidInput("options.unique", given[name], NOT_UNIQUE)
        if name not in RECURRING:
            raise unknown_name("options", name, RECURRING)
    return EnqueueOptions.parse(given).stored()


def encoded(value: Any) -> Any:
    """One option as JSON."""
    if isinstance(value, Exponential):
        return {"exponential": True, "base": value.base, "cap": value.cap}
    if isinstance(value, Unique):
        return value.to_json() or True
    return epoch_ms(value) if isinstance(value, datetime) else value


def retry_delay(name: str, value: object) -> RetryDelay:
    """Seconds, an `Exponential`, or its JSON form `{"exponential": true, "base": 2, "cap": 60}`."""
    if isinstance(value, Exponential):
        return value
    if isinstance(value, Mapping):
        policy = cast("Mapping[str, Any]", value)
        for part in policy:
            if part not in PARTS:
                raise unknown_name(name, part, PARTS)
        if policy.get("exponential", True) is not True:
            raise InvalidInput(f"{name}.exponential", policy["exponential"], "give true")
        return Exponential(policy.get("base", 2.0), policy.get("cap", 3600.0))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(name, value, "give seconds or Exponential(base, cap)")
    return checked_seconds(name, value)


def aware(name: str, value: object) -> datetime:
    """A datetime with a time zone, within the years that a time in UTC can show."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidInput(name, value, "give a datetime with a time zone")
    if epoch_ms(value) < 0 or value.year > MAX_YEAR:
        raise InvalidInput(name, value, f"give a time from 1970 to {MAX_YEAR}")
    return value


def whole(least: int, most: int) -> Callable[[str, object], int]:
    """A check for whole numbers from `least` to `most`."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidInput(name, value, f"give a whole number from {least:,} to {most:,}")
        return value

    return check


def timeout(name: str, value: object) -> float:
    """More than zero seconds."""
    return checked_seconds(name, value, above=True)


def _id(name: str, value: object) -> str:
    try:
        parsed = uuid.UUID(str(value))
    except ValueError:
        parsed = None
    if parsed is None or parsed.version != 7:
        raise InvalidInput(name, value, "give a UUIDv7, as made by kiribi.new_id()")
    return str(parsed)


def _after(name: str, value: object) -> tuple[str, ...]:
    """Jobs or ids, each once, in the order of ids; none is as good as not given."""
    several = [value] if isinstance(value, str | uuid.UUID | Job) else value
    if not isinstance(several, Iterable) or isinstance(several, bytes | Mapping):
        raise InvalidInput(name, value, "give a job, its id, or a list of them")
    ids: dict[str, None] = {}
    for one in cast("Iterable[object]", several):
        ids[_id(name, one.id if isinstance(one, Job) else one)] = None
        if len(ids) > MAX_AFTER:
            raise InvalidInput(name, value, f"give at most {MAX_AFTER:,} jobs")
    return tuple(sorted(ids))


def _after_failed(name: str, value: object) -> AfterFailed:
    for allowed in AFTER_FAILED:
        if value == allowed:
            return allowed
    raise InvalidInput(name, value, f"give {', '.join(AFTER_FAILED[:-1])} or {AFTER_FAILED[-1]}")


def _key(name: str, value: object) -> str:
    if isinstance(value, str) and 0 < len(value) <= MAX_KEY and "\0" not in value:
        with suppress(UnicodeEncodeError):
            value.encode()
            return value
    raise InvalidInput(name, value, f"give a text of 1 to {MAX_KEY} characters")


CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "id": _id,
    "max_attempts": whole(1, MAX_ATTEMPTS),
    "first_delay": checked_seconds,
    "at": aware,
    "retry_delay": retry_delay,
    "timeout": timeout,
    "priority": whole(0, MAX_PRIORITY),
    "after": _after,
    "after_failed": _after_failed,
    "concurrency_key": _key,
    "unique": unique,
}
"""How each option is checked; performers' and managers' defaults use the same checks."""
