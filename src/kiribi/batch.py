"""A batch: jobs side by side, and a callback job that runs after all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kiribi.errors import InvalidInput
from kiribi.job import FINAL, Job, new_id
from kiribi.options import MAX_AFTER

GONE = "DELETED"
"""How jobs are counted that were deleted, or pruned, and had not completed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How far a batch has come.

    Attributes:
        callback: the job that runs after all the others; its id is the batch's.
        counts: of the others, how many have which status; `DELETED`: removed before they completed.
    """

    callback: Job
    counts: Mapping[str, int]

    @property
    def id(self) -> str:
        """The id of the callback job."""
        return self.callback.id

    @property
    def total(self) -> int:
        """How many jobs there are, the callback not counted."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """How many of them have ended, however."""
        return sum(number for status, number in self.counts.items() if status in ENDED)

    @property
    def progress(self) -> float:
        """The part that has ended, from 0 to 1."""
        return self.ended / self.total if self.total else 1.0


ENDED = frozenset({*FINAL, GONE})


def with_callback(jobs: Iterable[Any], then: Any) -> list[Any]:
    """The jobs of a batch and its callback, as `enqueue_many` takes them.

    Raises:
        InvalidInput: the callback has an `after` of its own, or there are too many jobs.
    """
    members: list[Any] = []
    ids: list[Any] = []
    for job in jobs:
        binding, payload, options = _taken_apart(job)
        if options is None:
            members.append(job)  # refused by whoever takes it
            continue
        id = options.get("id") or new_id()
        ids.append(id)
        members.append((binding, payload, {**options, "id": id}))
    if len(members) > MAX_AFTER:
        raise InvalidInput("jobs", len(members), f"give at most {MAX_AFTER:,} jobs")
    binding, payload, options = _taken_apart(then)
    if options is None:
        allowed = "give (binding, payload) or (binding, payload, options)"
        raise InvalidInput("then", then, allowed)
    if options.get("after") is not None:
        raise InvalidInput("then.after", options["after"], "leave it out: it runs after them all")
    if ids:
        options = {**options, "after": ids, "after_failed": options.get("after_failed") or "run"}
    return [*members, (binding, payload, options)]


def _taken_apart(job: object) -> tuple[Any, Any, Mapping[str, Any] | None]:
    """Binding, payload and options; no options where it is none of the forms."""
    if isinstance(job, tuple | list) and len(cast("Sequence[Any]", job)) in (2, 3):
        binding, payload, *rest = cast("Sequence[Any]", job)
        options: object = rest[0] if rest else {}
        if isinstance(options, Mapping):
            return binding, payload, cast("Mapping[str, Any]", options)
    return None, None, None
