"""What PostgreSQL is asked for the statements of a batch.

A statement there costs a round trip, and so does each end of a transaction: what SQLite does in
several small statements is one here where that can be, and then needs no transaction around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from kiribi.job import FINAL
from kiribi.stores._batches import Batch
from kiribi.stores._rows import Rows, dumps, plain

Arguments = tuple[Any, ...]

FOLDED = {
    "insert_stat": ("insert_jobs",),
    "insert_lanes": ("insert_jobs", "insert_one", "insert_unique", "insert_one_unique"),
    "insert_context": ("insert_jobs",),
    "count_one": ("insert_one",),
    "release_key": ("insert_one_unique",),
    "count_one_unique": ("insert_one_unique",),
    "release_keys": ("insert_unique",),
    "unique_stat": ("insert_unique",),
    "duplicates": ("insert_unique",),
    "holder_stat": ("change_holders",),
    "release_keys_of": ("retake_keys",),
    "apply_stat": ("apply_changes",),
    "delete_stat": ("delete_jobs",),
    "pause_stat": ("pause_binding",),
    "limit_stat": ("limit_binding",),
    "claim_stat": ("claim",),
}
"""Statements that another one of the same batch does as well."""
CHANGE_COLUMNS = 12
JOB_COLUMNS = 7
UNIQUE_COLUMNS = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as it is sent; `timed`: it takes the time as its first parameter."""

    text: str
    timed: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement to send, and which of the batch it answers."""

    name: str
    arguments: Arguments
    answers: tuple[int, ...]


@cache
def prepared(name: str, schema: str) -> Prepared:
    """The statement in `sql/postgres/<name>.sql`, for the tables of `schema`.

    `<name>:again`: with its lines marked `-- again`, which look for what was there before.
    """
    name, _, again = name.partition(":")
    source = files("kiribi.stores").joinpath("sql", "postgres", f"{name}.sql").read_text("utf-8")
    source = re.sub(r" -- again$" if again else r"^.* -- again\n", "", source, flags=re.MULTILINE)
    text = in_schema(re.sub(r"^\s*--.*\n", "", source, flags=re.MULTILINE).strip(), schema)
    timed = re.search(r"\$1\b", text) is not None
    if not timed:
        text = re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) - 1}", text)
    return Prepared(text, timed)


def in_schema(sql: str, schema: str) -> str:
    """`sql` with the chosen schema where it says `kiribi.`."""
    quoted = '"' + schema.replace('"', '""') + '".'
    return sql if schema == "kiribi" else re.sub(r"\bkiribi\.", lambda _: quoted, sql)


def composed(batch: Batch, *, repeated: bool) -> list[Asked]:
    """The statements for a batch. `repeated`: it may have been carried out before."""
    names = [name for name, _ in batch]
    chosen = "refuse_conflicts" in names
    asked = [
        one
        for at, (name, params) in enumerate(batch)
        if not any(other in names for other in FOLDED.get(name, ()))
        for one in _asked(at, name, params, batch, again=repeated or chosen)
    ]
    return [*_locks(batch, alone=len(asked) == 1, repeated=repeated), *asked]


def _asked(at: int, name: str, params: Arguments, batch: Batch, *, again: bool) -> Iterator[Asked]:
    marked = f"{name}:again" if again else name
    match name:
        case "insert_jobs":
            context = next(n for n, (other, _) in enumerate(batch) if other == "insert_context")
            columns = _columns(params[0].rows, JOB_COLUMNS)
            keys = [_key(options) for options in columns[3]]
            bindings = batch[context][1][0]
            yield Asked(marked, (*columns, keys, bindings), (context,))
        case "insert_one" | "insert_one_unique":
            yield Asked(marked, (*params, _key(params[3])), (at,))
        case "insert_unique":
            said = next(n for n, (other, _) in enumerate(batch) if other == "duplicates")
            columns = _columns(params[0].rows, UNIQUE_COLUMNS)
            columns[8] = [dumps(states) for states in columns[8]]
            keys = [_key(options) for options in columns[3]]
            yield Asked(marked, (*columns, keys), (said,))
        case "change_holders" | "replace_payloads":
            yield Asked(name, (*params, again), (at,))
        case "append_log":
            yield Asked("append_log_again" if again else name, params, (at,))
        case "claim":
            yield Asked(name, (*params[:3], params[3] or again, *params[4:]), (at,))
        case "apply_changes":
            rows = params[0].rows
            columns = _columns(
                [
                    (
                        *row[:8],
                        row[8] if row[8] is None else dumps(row[8]),
                        _error(row[9]),
                        row[10] == 1,
                        row[11],
                    )
                    for row in rows
                ],
                CHANGE_COLUMNS,
            )
            retried = {row[1] in FINAL for row in rows}
            if False in retried:
                yield Asked("apply_changes", tuple(columns), (at,))
            if True in retried:
                yield Asked("reopen_jobs", tuple(columns), (at,))
        case _:
            said = tuple(plain(one) if isinstance(one, str) else one for one in params)
            yield Asked(name, said, (at,))


def _locks(batch: Batch, *, alone: bool, repeated: bool) -> Iterator[Asked]:
    """What must be locked first, because the rest of the batch decides by what it reads.

    `alone`: the rest is one statement, which sees to what it changes itself. `repeated`: the batch
    may have been carried out before.
    """
    for name, params in batch:
        match name:
            case "refuse_schedules" | "add_schedules":
                yield Asked("lock_schedules", (), ())
            case "refuse_step":
                yield Asked("lock_action", params[:1], ())
            case "refuse_conflicts":
                ids = sorted({row[0] for row in json.loads(str(params[0]))})
                yield Asked("lock_ids", (dumps(ids),), ())
            case "insert_jobs" | "insert_unique" if repeated:
                ids = [row[0] for row in cast("Rows", params[0]).rows]
                yield Asked("keep_ids", (dumps(ids),), ())
            case "insert_one" | "insert_one_unique" if repeated:
                yield Asked("keep_ids", (dumps([params[0]]),), ())
            case "set_limits":
                yield Asked("lock_bindings", params, ())
            case "release_keys":
                yield Asked("lock_keys", params, ())
            case "change_holders":
                yield Asked("lock_holders", params, ())
            case "insert_dependencies":
                yield Asked("lock_awaited", params, ())
            case "note_ends":
                ids = [row[0] for row in json.loads(str(params[0]))]
                yield Asked("lock_jobs", (dumps(ids),), ())
            case "release_keys_of":
                yield Asked("lock_keys_of", params, ())
            case "delete_jobs" if not alone:
                yield Asked("lock_jobs", params[:1], ())
            case "apply_changes" if not alone:
                ids = dumps([row[0] for row in cast("Rows", params[0]).rows])
                retried = [asked for other, asked in batch if other == "reopen_dependencies"]
                yield (
                    Asked("lock_retried", (ids, *retried[0]), ())
                    if retried
                    else Asked("lock_open", (ids,), ())
                )
            case _:
                continue


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as columns; what short rows leave out is NULL."""
    padded = [row if len(row) == width else (*row, *(None,) * (width - len(row))) for row in rows]
    return [list(column) for column in zip(*padded, strict=True)]


def _key(options: str | None) -> str | None:
    if options is None or '"concurrency_key"' not in options:
        return None
    key = json.loads(options).get("concurrency_key")
    return None if key is None else plain(key)


def _error(error: Any) -> str | None:
    return None if error is None else dumps(error)
