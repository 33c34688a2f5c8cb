"""The database alone: the same statements on the same rows, with nothing around them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from kiribi.job import new_id
from kiribi.stores._statements import migrations, statement

BATCH = 500
"""Jobs per transaction: more makes it hardly faster."""

INSERT = """
INSERT INTO job (id, binding, status, open, rank, due, priority, updated_ms, payload)
SELECT value ->> 0, value ->> 1, 'PENDING', 1, value ->> 2, value ->> 2, 0, value ->> 2, value ->> 3
FROM json_each(?)
"""


def connect(path: Path) -> apsw.Connection:
    """A connection as durable as the store's."""
    database = apsw.Connection(str(path))
    database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    return database


def insert(path: Path, jobs: int) -> tuple[float, float]:
    """Rows per second of one durable INSERT … SELECT json_each: from payloads on, from JSON on."""
    database = connect(path)
    for script in migrations("sqlite"):
        database.execute(script)
    payloads = [{"n": n} for n in range(jobs)]
    start = time.perf_counter()
    now = time.time_ns() // 1_000_000
    rows = json.dumps([(new_id(), "NOOP", now, json.dumps(payload)) for payload in payloads])
    ready = time.perf_counter()
    database.execute(INSERT, (rows,))
    end = time.perf_counter()
    database.close()
    return jobs / (end - start), jobs / (end - ready)


def drain(path: Path, jobs: int, batch: int = BATCH) -> float:
    """Jobs per second of a loop of the claim's and the settling's transactions."""
    insert(path, jobs)
    database = connect(path)
    worker = new_id()
    enlisted = (worker, "bare", 0, "", '["NOOP"]', batch, 60_000)
    _transaction(database, [("enlist_worker", enlisted)])
    done = 0
    start = time.perf_counter()
    while done < jobs:
        mine = (worker, "", new_id())
        choice = (*mine, "[]", '["NOOP"]', batch)
        claim = [("claim_best", choice), ("claim_stat", mine), ("claim_jobs", mine)]
        claimed = _transaction(database, claim)[2]
        changes = json.dumps(
            [
                (
                    row[0],
                    worker,
                    row[6],
                    "COMPLETED",
                    0,
                    0,
                    None,
                    "completed",
                    None,
                    None,
                    0,
                    0,
                )
                for row in claimed
            ]
        )
        settle = [("apply_stat", (changes,)), ("apply_changes", (changes,))]
        settled = _transaction(database, settle)[1]
        if not claimed or len(settled) != len(claimed):
            raise RuntimeError(f"{len(claimed)} jobs were claimed, {len(settled)} settled")
        done += len(settled)
    rate = jobs / (time.perf_counter() - start)
    database.close()
    return rate


def _transaction(
    database: apsw.Connection, batch: Sequence[tuple[str, tuple[Any, ...]]]
) -> list[list[Any]]:
    database.execute("BEGIN IMMEDIATE")
    rows: list[list[Any]] = []
    for name, params in batch:
        one = statement("sqlite", name)
        rows.append(database.execute(one.text, (None, *params)[: one.parameters]).fetchall())
    database.execute("COMMIT")
    return rows
