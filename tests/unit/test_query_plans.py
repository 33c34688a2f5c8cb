"""No hot statement reads the backlog or the past: asserted from SQLite's own plans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import apsw
import pytest

from kiribi.stores._statements import migrations, statement

NAMES = sorted(
    file.name.removesuffix(".sql")
    for file in files("kiribi.stores").joinpath("sql", "sqlite").iterdir()
    if file.name.endswith(".sql")
)

SMALL = {"binding", "worker", "clock", "last", "change", "stop", "hit", "looked", "best", "part"}
SMALL |= {"fitting"}
SMALL |= {"held", "again", "ended", "gone", "action"}
SMALL |= {"claim", "served", "due", "queued", "passed", "head", "allowed", "next"}
"""Tables and subqueries of a few rows, or bounded by the statement's own parameters."""

SORTED = {
    # of what one call takes, at most its limit for each binding: first the jobs without limits;
    # then twice the union of what runs; keys by turn and by rank, with the others by place; all
    "claim_best": 1 + 2 + 5,
    "claim_ids": 2 + 3,
    # the union of what runs
    "next_due": 2,
    # what the counters say is few, or at most a window
    "match_open": 1,
    "match_ended": 1,
    # of what one job waits for
    "waited_for": 1,
}
"""Statements that sort, and how often: never what they leave behind."""


@pytest.fixture(scope="module")
def database() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    for script in migrations("sqlite"):
        connection.execute(script)
    yield connection
    connection.close()


def plan(database: apsw.Connection, name: str) -> list[str]:
    one = statement("sqlite", name)
    rows = database.execute(f"EXPLAIN QUERY PLAN {one.text}", (None,) * one.parameters)
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_scanned_but_what_is_small(database: apsw.Connection, name: str) -> None:
    for line in plan(database, name):
        scanned = re.match(r"(?:SCAN|SEARCH) (\S+)(.*)", line)
        if scanned is None or "VIRTUAL TABLE" in line or "CONSTANT ROW" in line:
            continue
        table, how = scanned.groups()
        if table.startswith("(subquery-") or table in SMALL:
            continue
        assert line.startswith("SEARCH"), line
        assert re.search(r"\(\w+[=<>]", how), line


@pytest.mark.parametrize(
    "name",
    [
        *("claim_best", "claim_ids", "claim_jobs", "apply_changes", "insert_jobs", "next_due"),
        *("match_window", "match_ended", "match_open", "match_ids", "find_jobs", "held_jobs"),
        *("overlooked", "decide_held", "waited_for", "note_ends"),
        *("oldest_due", "prune_jobs", "prune_move", "list_jobs", "cancel_requested"),
    ],
)
def test_nothing_is_sorted_but_the_answer(database: apsw.Connection, name: str) -> None:
    sorts = [line for line in plan(database, name) if line == "USE TEMP B-TREE FOR ORDER BY"]
    if name == "held_jobs":
        # the union of two lists of ids
        sorts = sorts[2:]
    assert len(sorts) == SORTED.get(name, 0)


@pytest.mark.parametrize(
    ("name", "access"),
    [
        ("claim_best", "SEARCH waiting USING INDEX job_open (binding=? AND key=? AND rank<?)"),
        ("claim_best", "SEARCH lane USING COVERING INDEX lane_turn (binding=? AND turn<?)"),
        ("claim_best", "SEARCH job USING COVERING INDEX job_running (binding=? AND key=?)"),
        ("next_due", "SEARCH job USING INDEX job_open (binding=? AND key=? AND rank<?)"),
        ("next_due", "SEARCH lane USING COVERING INDEX lane_turn (binding=? AND turn<?)"),
        ("oldest_due", "SEARCH head USING INDEX job_due (binding=? AND key=?)"),
        ("oldest_due", "SEARCH waiting USING INDEX job_open (binding=? AND key=? AND rank<?)"),
        ("claim_jobs", "SEARCH job USING PRIMARY KEY (id=?)"),
        ("claim_stat", "SEARCH job USING PRIMARY KEY (id=?)"),
        ("apply_stat", "SEARCH job USING PRIMARY KEY (id=?)"),
        ("apply_changes", "SEARCH job USING PRIMARY KEY (id=?)"),
        ("held_jobs", "SEARCH job USING PRIMARY KEY (id=?)"),
        ("held_jobs", "SEARCH claim USING PRIMARY KEY (worker=?)"),
        ("dismiss_worker", "SEARCH job USING PRIMARY KEY (id=?)"),
        ("match_window", "SEARCH job USING PRIMARY KEY (id>? AND id<?)"),
        ("match_open", "SEARCH job USING INDEX job_open (binding=?)"),
        (
            "match_ended",
            "SEARCH ended USING COVERING INDEX job_ended (status=? AND binding=? AND id>? AND id<?)",  # noqa: E501
        ),
        ("prune_move", "SEARCH job USING PRIMARY KEY (id>? AND id<?)"),
        ("prune_stat", "SEARCH job USING PRIMARY KEY (id>? AND id<?)"),
        ("prune_jobs", "SEARCH job USING PRIMARY KEY (id>? AND id<?)"),
        ("counters", "SEARCH stat USING PRIMARY KEY (span_ms=?)"),
        ("stats", "SEARCH stat USING PRIMARY KEY (span_ms=? AND at_ms>?)"),
        ("overlooked", "SEARCH held USING COVERING INDEX job_held (id>?)"),
        ("note_ends", "SEARCH dependency USING PRIMARY KEY (on_id=?)"),
        (
            "decide_held",
            "SEARCH dependency USING COVERING INDEX dependency_job (job_id=? AND outcome=?)",
        ),
        ("due_schedules", "SEARCH schedule USING INDEX schedule_due (next_ms<?)"),
        ("declared_anew", "SEARCH declaration USING INDEX declaration_worker (worker=?)"),
        ("refuse_schedules", "SEARCH schedule USING PRIMARY KEY (name=?) LEFT-JOIN"),
        ("read_log", "SEARCH log USING PRIMARY KEY (job_id=? AND seq>?)"),
    ],
)
def test_jobs_are_reached_by_this_path(database: apsw.Connection, name: str, access: str) -> None:
    assert access in plan(database, name)


def test_deleting_a_job_finds_what_belongs_to_it_by_key(database: apsw.Connection) -> None:
    """Foreign keys make SQLite look into each child table."""
    for table, column in (("payload", "job_id"), ("log", "job_id"), ("step", "job_id")):
        rows = database.execute(
            f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE {column} = ?", ("x",)
        )
        assert [str(row[3]) for row in rows] == [f"SEARCH {table} USING PRIMARY KEY ({column}=?)"]
    rows = database.execute("EXPLAIN QUERY PLAN DELETE FROM dependency WHERE job_id = ?", ("x",))
    index = "SEARCH dependency USING COVERING INDEX dependency_job (job_id=?)"
    assert [str(row[3]) for row in rows] == [index]


def test_what_a_key_allows_is_found_by_its_indexes(database: apsw.Connection) -> None:
    """The triggers ask it for each job of a key that comes, starts or ends."""
    rows = database.execute(
        "EXPLAIN QUERY PLAN SELECT turn FROM lane_gate WHERE binding = ? AND key = ?", ("x", "y")
    )
    plan = [str(row[3]) for row in rows]
    assert [line for line in plan if line.startswith("SCAN")] == []
    for line in (
        "SEARCH lane USING PRIMARY KEY (binding=? AND key=?)",
        "SEARCH job USING COVERING INDEX job_running (binding=? AND key=?)",
        "SEARCH job USING INDEX job_due (binding=? AND key=?)",
    ):
        assert line in plan
