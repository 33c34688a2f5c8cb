"""Every error Kiribi raises; the class docstring is the message where none is given.

KiribiError
├── InvalidInput (ValueError)         a rejected value: names field, value and what is allowed
│   ├── InvalidPayload                not JSON, too large, or not what the performer takes
│   ├── UnknownBinding                no performer and no store has heard of it
│   └── InvalidApplication            the file or class given as APP cannot serve
├── JobNotFound (LookupError)
├── ScheduleNotFound (LookupError)
├── ActionNotFound (LookupError)
├── Conflict
│   ├── IdConflict                    the id exists with other content
│   ├── Duplicate                     another job holds the unique key
│   ├── IllegalTransition             the job's status does not allow this
│   └── ScheduleConflict              the schedule does not allow this
├── NotConnected (AttributeError)     the manager is on no database
├── NotSupported                      known, but not on this store or not yet
├── NotFinished (TimeoutError)        the wait is over, the job lives on
├── JobFailed                         the job ended FAILED elsewhere; carries its error
├── JobCancelled                      the job ended CANCELLED
├── LeaseLost                         this attempt is no longer ours; nothing it writes is taken
├── KiribiTimeoutError (TimeoutError) the attempt exceeded its timeout
└── StoreError
    ├── InvalidDatabaseURL            (also InvalidInput)
    ├── StoreUnavailable
    └── SchemaMismatch                the store's schema is newer, or not migrated

Signal                                raised by a performer to say more than "it failed"
├── Retry      a failure, with its own delay
├── Snooze     not a failure: later
├── Discard    a failure, and no more attempts
└── Cancel     stop here, and not a failure
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kiribi.job import Job, JobError


class KiribiError(Exception):
    """Something in Kiribi went wrong."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").split("\n")[0]

    def __reduce__(self) -> tuple[Any, ...]:
        # By default an error is remade by calling its class with the message alone.
        return _remade, (type(self), self.args, self.__dict__)


def _remade(cls: type[KiribiError], args: tuple[Any, ...], state: dict[str, Any]) -> KiribiError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidInput(KiribiError, ValueError):
    """A value was rejected; nothing was changed.

    Attributes:
        field: the name of the rejected option, field or parameter.
        value: what was given.
        allowed: what would have been accepted, as a phrase.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{field}: {shown(value)} is not allowed; {allowed}")


class InvalidPayload(InvalidInput):
    """The payload does not fit."""


class UnknownBinding(InvalidInput):
    """Nobody knows a performer of this name."""


class InvalidApplication(InvalidInput):
    """The application cannot be served."""


class JobNotFound(KiribiError, LookupError):
    """No such job."""

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"job {shown(id)} does not exist (never enqueued, deleted or pruned)")


class ScheduleNotFound(KiribiError, LookupError):
    """No such schedule."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"schedule {shown(name)} does not exist (never made, or deleted)")


class ActionNotFound(KiribiError, LookupError):
    """No such action."""

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"action {shown(id)} does not exist (never begun, or pruned)")


class Conflict(KiribiError):
    """The store holds something that contradicts the call; nothing was changed."""


class IdConflict(Conflict):
    """A job of this id exists with other content."""

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"id: job {id!r} exists with another binding, payload or other options")


class Duplicate(Conflict):
    """Another job holds the unique key.

    Attributes:
        job: the one that holds it.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(f"unique: job {job.id!r} ({job.status}) holds the key")


class IllegalTransition(Conflict):
    """The job's status does not allow this."""

    def __init__(self, id: str, action: str, status: str, allowed: str) -> None:
        self.id = id
        self.action = action
        self.status = status
        super().__init__(f"cannot {action} job {id!r}: it is {status}; {allowed}")


class ScheduleConflict(Conflict):
    """The schedule does not allow this."""

    def __init__(self, name: str, action: str, why: str) -> None:
        self.name = name
        self.action = action
        super().__init__(f"cannot {action} schedule {name!r}: {why}")


class NotConnected(KiribiError, AttributeError):
    """This manager is on no database: use it in `async with Kiribi.connect(...) as kiribi:`."""


class NotSupported(KiribiError):
    """Not available on this store or in this version."""


class NotFinished(KiribiError, TimeoutError):
    """The job has not ended within the wait; it lives on.

    Attributes:
        job: the job as last seen.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(f"job {job.id} ({job.binding}) is {job.status} and lives on")


class JobFailed(KiribiError):
    """The job ended FAILED.

    Attributes:
        job: the job as stored.
        error: type, message and traceback of its last failure.
    """

    def __init__(self, job: Job, error: JobError) -> None:
        self.job = job
        self.error = error
        super().__init__(f"job {job.id} ({job.binding}) failed: {error.type}: {error.message}")


class JobCancelled(KiribiError):
    """The job ended CANCELLED."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(f"job {job.id} ({job.binding}) was cancelled")


class LeaseLost(KiribiError):
    """The attempt is no longer ours: it was rescued, cancelled or settled meanwhile."""


class KiribiTimeoutError(KiribiError, TimeoutError):
    """The attempt exceeded its timeout."""


class StoreError(KiribiError):
    """The store could not do it."""


class InvalidDatabaseURL(InvalidInput, StoreError):
    """The database URL cannot be read."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or opened."""


class SchemaMismatch(StoreError):
    """The store's schema is not the one this version of Kiribi works with."""


class Signal(Exception):
    """What a performer raises to say more than "it failed"."""


class Retry(Signal):
    """The attempt failed; run again after `after` seconds (None: by the job's retry delay).

    Raises:
        InvalidInput: `after` is below 0 or above one year.
    """

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        self.reason = reason
        self.after = None if after is None else checked_seconds("Retry.after", after)
        super().__init__(reason or "the performer asked for a retry")


class Snooze(Signal):
    """Not a failure: run again after `seconds`.

    Raises:
        InvalidInput: `seconds` is below 0 or above one year.
    """

    def __init__(self, seconds: float, reason: str = "") -> None:
        self.seconds = checked_seconds("Snooze.seconds", seconds)
        self.reason = reason
        super().__init__(reason or f"snoozed for {seconds:g} s")


class Discard(Signal):
    """The attempt failed and there is no point in another: the job ends FAILED."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "the performer discarded the job")


class Cancel(Signal):
    """The job ends CANCELLED."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "the performer cancelled the job")


_REPR = reprlib.Repr()
_REPR.maxlevel = 3
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 80


def shown(value: object, limit: int = 80) -> str:
    """What an error may quote of `value`: its `repr`, never more than `limit` characters.

    Deep, endless and huge values are cut before they are rendered.
    """
    try:
        text = _REPR.repr(value)
    except ValueError:  # a number longer than Python writes out
        text = f"<{type(value).__name__} that is too long>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def unknown_name(field: str, name: object, known: Iterable[str]) -> InvalidInput:
    """The error for a name that is none of `known`, with the nearest of them."""
    names = [str(one) for one in known]
    near = difflib.get_close_matches(name, names, n=1) if isinstance(name, str) else []
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InvalidInput(field, name, f"{hint}known are {', '.join(names)}")


YEAR = 365 * 86_400.0
"""The longest delay accepted anywhere, in seconds."""


def checked_seconds(
    field: str,
    value: object,
    *,
    least: float = 0,
    most: float = YEAR,
    above: bool = False,
    what: str = "a number of seconds",
) -> float:
    """`value` as a number within bounds (`above`: strictly more than `least`), or InvalidInput."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not (least < value if above else least <= value)
        or not value <= most
    ):
        bounds = f"above {least:g} and up to" if above else f"from {least:g} to"
        raise InvalidInput(field, value, f"give {what} {bounds} {most:,.12g}")
    return float(value)
