"""How long a job waits after an attempt: as its performer said, to the millisecond."""

from __future__ import annotations

from tests.simulation.application import Work
from tests.simulation.rows import WAITING, Row

from kiribi import Retry, Snooze


def due_after(outcome: str, old: Row, row: Row, error: BaseException | None, now: int) -> int:
    """When `row` has to be due, of which an attempt has just ended by `error`."""
    if row.status not in WAITING:
        return row.due
    match outcome, error:
        case "snoozed", Snooze():
            return now + round(error.seconds * 1000)
        case "failed", Retry() if error.after is not None:
            return now + round(error.after * 1000)
        case "failed", _:
            return now + round(Work.retry_delay * 1000)
        case _:
            return old.due  # handed back, or taken back: at once
