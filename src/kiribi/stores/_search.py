"""Which of the access paths answers a search, and its parameters. No path scans the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kiribi.job import OPEN, JobStatus
from kiribi.search import WINDOW, BindingCounts, JobFilter
from kiribi.stores._insertion import id_bound
from kiribi.stores._rows import Params, dumps, total

ENDED = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})
"""The statuses that have an index: what went wrong."""

AFTER_ALL_IDS = "g"

ASIDE = 500
"""Rows of a window that are for the counters, and for the page itself."""
WALKED = (WINDOW - ASIDE) // 2
"""Jobs that a search looks at: it reads them once for what matches and, where that is not enough,
once for where the window ends."""
ENDED_WALKED = (WINDOW - ASIDE) // 4
"""By the index of what went wrong, each is also read itself."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search as a statement and its parameters."""

    statement: str
    params: Params


def needs_counters(filter: JobFilter) -> bool:
    """Whether the choice of the path depends on how many jobs there are."""
    asked = frozenset(filter.statuses)
    return bool(asked) and not filter.ids and (asked <= OPEN or asked <= ENDED)


def chosen(
    filter: JobFilter, counted: Sequence[BindingCounts], before: str | None, wanted: int, ids: bool
) -> Search | None:
    """The cheapest way to up to `wanted` matches; None: the counters say there are none.

    A search for `ids` reads at most `WINDOW` rows; who only counts looks at so many jobs.
    """
    asked = frozenset(filter.statuses)
    looked = WALKED if ids else WINDOW
    if filter.ids:
        return _search("match_ids", filter, before, WINDOW, wanted, ids, list(filter.ids))
    if not needs_counters(filter):
        return _search("match_window", filter, before, looked, wanted, ids)
    if asked <= OPEN:
        if total(counted, OPEN) > (WINDOW - ASIDE if ids else WINDOW):
            return _search("match_window", filter, before, looked, wanted, ids)
        bindings = [one.binding for one in counted if total([one], OPEN)]
        if not bindings:
            return None
        return _search("match_open", filter, before, WINDOW, wanted, ids, bindings)
    pairs = [(s, one.binding) for one in counted for s in asked if one.by_status[s]]
    if not pairs:
        return None
    each = max(1, (ENDED_WALKED if ids else WINDOW) // len(pairs))
    if not (filter.payload or filter.error or filter.fingerprint or filter.reason):
        each = min(max(1, WINDOW // len(pairs)), wanted)
    return _search("match_ended", filter, before, each, wanted, ids, pairs)


def _search(
    statement: str,
    filter: JobFilter,
    before: str | None,
    rows: int,
    wanted: int,
    ids: bool,
    looked: Sequence[Any] | None = None,
) -> Search:
    upper, lower = before or AFTER_ALL_IDS, ""
    if filter.created_before_ms is not None:
        upper = min(upper, id_bound(filter.created_before_ms))
    if filter.created_after_ms is not None:
        lower = id_bound(filter.created_after_ms)
    params = (
        upper,
        lower,
        rows,
        wanted,
        int(ids),
        dumps(filter.bindings) if filter.bindings else None,
        dumps(filter.statuses) if filter.statuses else None,
        filter.error or None,
        dumps([_field(path, value) for path, value in filter.payload.items()])
        if filter.payload
        else None,
        filter.fingerprint,
        filter.reason,
    )
    return Search(statement, params if looked is None else (*params, dumps(looked)))


def _field(path: str, value: Any) -> tuple[str, str, Any]:
    """A payload filter as (JSON path, kind of value, value)."""
    segments = [part.partition("[") for part in path.split(".")]
    quoted = "".join(f'."{key}"{bracket}{rest}' for key, bracket, rest in segments)
    match value:
        case None:
            kind = "null"
        case bool():
            kind = "true" if value else "false"
        case int() | float():
            kind = "number"
        case _:
            kind = "text"
    return f"${quoted}", kind, value
