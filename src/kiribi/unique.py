"""Unique jobs: what must be unique, for how long, and what becomes of a duplicate. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast, get_args

from kiribi.errors import InvalidInput, checked_seconds, unknown_name
from kiribi.job import OPEN, WAITING, JobStatus

OnConflict = Literal["return", "raise", "replace", "reschedule"]
ON_CONFLICT: tuple[str, ...] = get_args(OnConflict)
MAX_KEY = 200
"""Characters of a key; a longer one made from a payload is hashed."""
MAX_FIELDS = 20
FIELD = re.compile(r"payload(\.[^.]+)*")
PARTS = ("key", "by", "within", "states", "on_conflict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """One job at a time of a binding and a key.

    The job that was stored first holds the key: as long as its status is one of `states`, and
    until `within` seconds after it was enqueued, no other job is stored with the same key.

    Attributes:
        key: names what is unique, instead of the payload or together with `by`.
        by: the fields of the payload that make the key, such as `payload.user_id`; none of them
            and no `key`: the whole payload.
        within: seconds since the holder was enqueued, on the store's clock; None: no end.
        states: the statuses in which a job holds its key, PENDING among them; by default the
            open ones, and the waiting ones with "replace" and "reschedule".
        on_conflict: "return" the holder; "raise" Duplicate; "replace" the payload, options and
            due time of a holder that waits; "reschedule" it, its due time alone. A holder that
            runs or has ended is returned as it is.

    Raises:
        InvalidInput: naming the part that is wrong.
    """

    key: str | None = None
    by: tuple[str, ...] = ()
    within: float | None = None
    states: tuple[JobStatus, ...] = ()
    on_conflict: OnConflict = "return"

    def __post_init__(self) -> None:
        if self.key is not None:
            object.__setattr__(self, "key", _key(self.key))
        object.__setattr__(self, "by", _fields(self.by))
        if self.within is not None:
            within = checked_seconds("unique.within", self.within, above=True)
            object.__setattr__(self, "within", within)
        if self.on_conflict not in ON_CONFLICT:
            raise unknown_name("unique.on_conflict", self.on_conflict, ON_CONFLICT)
        object.__setattr__(self, "states", _states(self.states, self.on_conflict))

    def key_of(self, payload: Any) -> str:
        """The key of a job with this payload (JSON), as text.

        Raises:
            InvalidInput: the payload lacks a field of `by`.
        """
        parts: dict[str, Any] = {} if self.key is None else {"key": self.key}
        for path in self.by or (() if parts else ("payload",)):
            parts[path] = _value(path, payload)
        text = _CANONICAL.encode(parts)
        if len(text) <= MAX_KEY:
            return text
        from hashlib import sha256

        return f"sha256:{sha256(text.encode()).hexdigest()}"

    def to_json(self) -> dict[str, Any]:
        """The parts that are not the default."""
        given = {name: getattr(self, name) for name in PARTS}
        if frozenset(self.states) == _default_states(self.on_conflict):
            del given["states"]
        if self.on_conflict == "return":
            del given["on_conflict"]
        return {
            name: list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value is not None and value != ()
        }


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """The key that a new job asks for.

    Attributes:
        key: within the binding.
        states: statuses in which the job will hold it.
        within_ms: how long it will hold it, at most.
        on_conflict: what happens if another holds it (see `Unique`).
    """

    key: str
    states: tuple[JobStatus, ...]
    within_ms: int | None = None
    on_conflict: OnConflict = "return"


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """The unique key of a job.

    Attributes:
        states, until_ms: in which statuses, and until when, the job holds it.
        holder: id of the job that holds it now; None: nobody does.
        held_until_ms: until when that holds it, at most; None: no end.
    """

    key: str
    states: tuple[JobStatus, ...]
    until_ms: int | None
    holder: str | None
    held_until_ms: int | None = None


def unique(name: str, value: object) -> Unique | Literal[False]:
    """A `Unique`, or its parts; true: by the whole payload; false: not, whatever the default."""
    if isinstance(value, Unique) or value is False:
        return value
    if value is True:
        return Unique()
    if not isinstance(value, Mapping):
        raise InvalidInput(name, value, "give Unique(…), True or False")
    parts = cast("Mapping[str, Any]", value)
    for part in parts:
        if part not in PARTS:
            raise unknown_name(name, part, PARTS)
    return Unique(**{part: given for part, given in parts.items() if given is not None})


def _key(key: object) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY:
        raise InvalidInput("unique.key", key, f"give a text of 1 to {MAX_KEY} characters")
    return key


def _fields(by: object) -> tuple[str, ...]:
    several = (by,) if isinstance(by, str) else by
    if not isinstance(several, list | tuple) or len(cast("list[object]", several)) > MAX_FIELDS:
        raise InvalidInput("unique.by", by, f"give up to {MAX_FIELDS} fields of the payload")
    for path in cast("list[object]", several):
        if not isinstance(path, str) or not FIELD.fullmatch(path):
            allowed = "give payload, or a field of it such as payload.user_id"
            raise InvalidInput("unique.by", path, allowed)
    return tuple(cast("list[str]", several))


def _states(states: object, on_conflict: str) -> tuple[JobStatus, ...]:
    several = (states,) if isinstance(states, str) else states
    if not isinstance(several, Iterable):
        raise InvalidInput("unique.states", states, "give statuses")
    found: set[JobStatus] = set()
    for state in cast("Iterable[object]", several):
        if state not in list(JobStatus):
            raise unknown_name("unique.states", state, JobStatus)
        found.add(JobStatus(cast("str", state)))
    found = found or set(_default_states(on_conflict))
    if JobStatus.PENDING not in found:
        raise InvalidInput("unique.states", states, "PENDING must be one of them")
    return tuple(status for status in JobStatus if status in found)


def _default_states(on_conflict: str) -> frozenset[JobStatus]:
    return WAITING if on_conflict in ("replace", "reschedule") else OPEN


def _value(path: str, payload: Any) -> Any:
    value = payload
    for name in _names(path):
        if not isinstance(value, dict) or name not in value:
            raise InvalidInput("unique.by", path, "name fields that the payload has")
        value = cast("dict[str, Any]", value)[name]
    return value


@cache
def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")[1:])


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
