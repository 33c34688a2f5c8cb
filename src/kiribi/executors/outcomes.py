"""How an attempt ended in another process or Worker, as JSON: what it returned, or raised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from kiribi._failure import Raised, described
from kiribi.errors import Cancel, Discard, LeaseLost, Retry, Snooze
from kiribi.job import JobError


def told(error: BaseException, home: str = "") -> dict[str, Any]:
    """An exception as the other side understands it; `home`: the performer's module."""
    outcome: dict[str, Any] = {"error": described(error, home).to_json()}
    match error:
        case asyncio.CancelledError():
            outcome |= {"signal": "stopped"}
        case Retry():
            outcome |= {"signal": "retry", "reason": error.reason, "after": error.after}
        case Snooze():
            outcome |= {"signal": "snooze", "reason": error.reason, "seconds": error.seconds}
        case Discard() | Cancel():
            outcome |= {"signal": type(error).__name__.lower(), "reason": error.reason}
        case LeaseLost():
            outcome |= {"signal": "lost"}
        case _:
            pass
    return outcome


def raised(outcome: Mapping[str, Any]) -> BaseException:
    """The exception that was told, or one that says the same."""
    cause = Raised(JobError.from_json(outcome["error"]))
    match outcome:
        case {"signal": "stopped"}:
            return asyncio.CancelledError()
        case {"signal": "retry", "reason": reason, "after": after}:
            error = Retry(reason, after=after)
        case {"signal": "snooze", "reason": reason, "seconds": seconds}:
            error = Snooze(seconds, reason)
        case {"signal": "discard", "reason": reason}:
            error = Discard(reason)
        case {"signal": "cancel", "reason": reason}:
            error = Cancel(reason)
        case {"signal": "lost"}:
            error = LeaseLost()
        case _:
            return cause
    error.__cause__ = cause
    return error
