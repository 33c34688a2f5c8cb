"""Rows of the SQL stores as the data of the ports, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from kiribi.distribution import Distribution
from kiribi.errors import StoreUnavailable
from kiribi.job import Attempt, Job, JobError, JobStatus, Outcome
from kiribi.ports import BindingInfo, Gate, LogLine, WorkerInfo
from kiribi.search import BindingCounts, BindingStats
from kiribi.unique import KeyHeld

Row = Sequence[Any]
P = ParamSpec("P")
R = TypeVar("R")

HELP = "see docs/operations.md, When something is wrong"


def as_written(read: Callable[P, R]) -> Callable[P, R]:
    """`read`, which says so where a row is not as Kiribi wrote it.

    Raises:
        StoreUnavailable: the database gave something else back than was stored.
    """

    @wraps(read)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(*args, **kwargs)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise StoreUnavailable(
                f"a row is not as it was written, so the database is damaged; {HELP} ({error})"
            ) from error

    return checked


class Rows:
    """Rows as one parameter: JSON to a database that reads it quickly, columns to another."""

    __slots__ = ("_text", "rows")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The rows as JSON, made once."""
        if self._text is None:
            self._text = dumps(self.rows)
        return self._text


Param = str | int | float | Rows | Sequence[str | int | None] | None
Params = tuple[Param, ...]
"""What a statement is given."""


def as_text(params: Params) -> Params:
    """The parameters with rows as JSON."""
    if len(params) == 1 and type(params[0]) is Rows:
        return (params[0].text,)
    return params


STATUS = {status.value: status for status in JobStatus}
COUNTED = (
    JobStatus.PENDING,
    JobStatus.PROCESSING,
    JobStatus.RETRY_PENDING,
    JobStatus.COMPLETED,
    JobStatus.FAILED,
    JobStatus.CANCELLED,
)
"""The statuses in the order of the counters' columns."""

_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_escaped = json.JSONEncoder(separators=(",", ":")).encode


def dumps(value: Any) -> str:
    """`value` as JSON text that every database takes: a lone surrogate is escaped."""
    text = _compact(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _escaped(value)
    return text


def plain(text: str) -> str:
    """`text` as every database takes it: a lone surrogate or a NUL becomes its escape."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


@as_written
def jobs(rows: Sequence[Row]) -> list[Job]:
    """Jobs from rows of the nineteen columns that `find_jobs.sql` names."""
    # one call of the parser is ten times faster than one a row
    payloads = json.loads("[" + ",".join([row[3] or "null" for row in rows]) + "]")
    return [
        Job(
            row[0],
            row[1],
            STATUS[row[2]],
            payload,
            json.loads(row[4]) if row[4] else {},
            row[5],
            row[6],
            row[7],
            row[8],
            row[9],
            row[10],
            row[11],
            row[12],
            row[13],
            row[14] == 1,
            json.loads(row[15]) if row[15] else None,
            JobError.from_json(json.loads(row[16])) if row[16] else None,
            _progress(row[17]) if row[17] else None,
            _history(row[18]) if row[18] else (),
        )
        for row, payload in zip(rows, payloads, strict=True)
    ]


def _progress(stored: str) -> tuple[float, str]:
    fraction, message = json.loads(stored)
    return float(fraction), message


def _history(stored: str) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            number,
            Outcome(outcome),
            started,
            finished,
            worker,
            error and JobError.from_json(error),
        )
        for number, outcome, started, finished, worker, error in json.loads(stored)
    )


@as_written
def worker(row: Row) -> WorkerInfo:
    """A worker from a row of `workers.sql`."""
    id, host, pid, version, bindings, slots, started_ms, lease_ms, dead_reason = row
    served = tuple(json.loads(bindings))
    return WorkerInfo(id, host, pid, version, served, slots, started_ms, lease_ms, dead_reason)


@as_written
def binding(row: Row) -> BindingInfo:
    """A binding from a row of `bindings.sql`."""
    name, defaults, schema, paused, last_seen_ms, limits, override, streak, probe_ms = row
    shape = None if schema is None else json.loads(schema)
    declared: dict[str, Any] = json.loads(limits) if limits else {}
    overrides: dict[str, Any] = {
        name: value or None for name, value in json.loads(override or "{}").items()
    }
    return BindingInfo(
        name,
        json.loads(defaults),
        shape,
        paused == 1,
        last_seen_ms,
        {name: value for name, value in {**declared, **overrides}.items() if value is not None},
        overrides,
        streak,
        probe_ms,
        declared,
    )


@as_written
def gates(row: Row) -> dict[str, Any]:
    """What a situation says of limits, from a row of `gates.sql`."""
    concurrency, running, holders, opens_ms, streak, probe_ms, key, *of_key = row
    found: dict[str, Any] = {
        "gate": Gate(None, concurrency, running, tuple(json.loads(holders)), opens_ms),
        "streak": streak,
        "probe_ms": probe_ms,
    }
    if key is not None:
        concurrency, running, holders, opens_ms = of_key
        held = tuple(json.loads(holders))
        found["key_gate"] = Gate(key, concurrency, running, held, opens_ms)
    return found


@as_written
def key_held(row: Row) -> KeyHeld:
    """The unique key of a job from a row of `unique_keys.sql`."""
    _, key, states, until_ms, holder, held_until_ms = row
    return KeyHeld(key, tuple(map(JobStatus, json.loads(states))), until_ms, holder, held_until_ms)


def log_line(job_id: str, row: Row) -> tuple[int, LogLine]:
    """A log line with its sequence number from a row of `read_log.sql`."""
    seq, attempt, at_ms, level, message = row
    return seq, LogLine(job_id, attempt, at_ms, level, message)


def counts(row: Row) -> BindingCounts:
    """Counts from a row of `counters.sql`."""
    return BindingCounts(row[0], dict(zip(COUNTED, row[1:7], strict=True)))


@as_written
def stats(row: Row, until_ms: int, bucket_ms: int | None) -> BindingStats:
    """Statistics up to now, from a row of `stats.sql`."""
    binding, from_ms = row[:2]
    waits, wait_ms, runs, run_ms, waited, ran = row[8:14]
    end = until_ms if bucket_ms is None else min(until_ms, from_ms + bucket_ms)
    return BindingStats(
        binding,
        from_ms,
        max(0, end - from_ms) / 1000,
        *row[2:8],
        wait_ms=wait_ms / waits if waits else None,
        run_ms=run_ms / runs if runs else None,
        wait=Distribution.merged(json.loads(f"[{waited}]")),
        run=Distribution.merged(json.loads(f"[{ran}]")),
    )


def total(counted: Iterable[BindingCounts], statuses: Iterable[JobStatus]) -> int:
    """How many jobs of `statuses` there are."""
    wanted = tuple(statuses)
    return sum(one.by_status[status] for one in counted for status in wanted)
