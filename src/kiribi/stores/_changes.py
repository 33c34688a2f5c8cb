"""Changes as statements of one batch, and what that batch answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kiribi.job import FINAL, Outcome
from kiribi.lifecycle import Change
from kiribi.stores._rows import Params, Row, Rows, dumps
from kiribi.stores._successors import Ended

FAILURES = (Outcome.FAILED, Outcome.CRASHED)


class Taken(NamedTuple):
    """What a batch of changes did.

    Attributes:
        jobs: those changed, by id, each with its binding where the store says so.
        ended: those of them that others wait for and that ended, or opened.
        freed: bindings whose limits may let others start now, where the store says so.
    """

    jobs: dict[str, str | None]
    ended: list[Ended]
    freed: set[str]


def statements(changes: Sequence[Change]) -> list[tuple[str, Params]]:
    """What carries them out: of each job one, and only where it is still as expected."""
    asked = Rows(
        [
            (
                change.id,
                holder(change),
                change.attempts,
                change.status,
                change.failures,
                change.crashes,
                change.delay_ms,
                change.outcome,
                change.result,
                change.error and change.error.to_json(),
                int(change.cancel),
                1 if change.held else 2 if change.expected in FINAL else 0,
            )
            for change in changes
        ]
    )
    batch: list[tuple[str, Params]] = [("apply_stat", (asked,)), ("apply_changes", (asked,))]
    failed = [
        (change.id, holder(change), change.attempts, change.error.to_json())
        for change in changes
        if change.error is not None and change.outcome in FAILURES
    ]
    if failed:
        batch.insert(0, ("count_failures", (dumps(failed),)))
    if again := [change.id for change in changes if change.expected in FINAL]:
        ids = dumps(again)
        batch[:0] = [("release_keys_of", (ids,)), ("retake_keys", (ids,))]
    if retried := _retried(changes):
        batch.insert(0, ("reopen_dependencies", (dumps(retried),)))
    return batch


def holder(change: Change) -> str:
    """Who must have the job still: the worker that runs it, or the status it waits or ended in.

    An id may be used again once its job was deleted, and then attempts count from one again: their
    number alone would let a late attempt of the old job settle the new one.
    """
    return change.worker or change.expected


def taken(
    changes: Sequence[Change], batch: Sequence[tuple[str, Params]], rows: Sequence[Sequence[Row]]
) -> Taken:
    """Which of `changes` were carried out, and what follows."""
    answer = next(
        one for (name, _), one in zip(batch, rows, strict=True) if name == "apply_changes"
    )
    opened = {id for id, *_ in _retried(changes)}
    ended: list[Ended] = [
        (id, None) for id, open, awaited, *_ in answer if awaited and (not open or id in opened)
    ]
    return Taken(
        {id: (said[1] if said else None) for id, _, _, *said in answer},
        ended,
        {said[1] for _, _, _, *said in answer if said and said[0]},
    )


def _retried(changes: Sequence[Change]) -> list[tuple[str, str, int]]:
    return [
        (change.id, change.expected, change.attempts)
        for change in changes
        if change.expected in FINAL
    ]
