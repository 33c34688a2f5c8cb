"""Statements that D1 has its own form of."""

from __future__ import annotations

from importlib.resources import files

import pytest

from kiribi.stores._d1_statements import INSTEAD, MOST, statements

SQL = files("kiribi.stores").joinpath("sql")
FORMS = [
    ("insert_jobs", "insert_jobs"),
    ("apply_stat", "apply_stat"),
    ("change_jobs", "apply_changes"),
]


def header(dialect: str, name: str) -> str:
    text = SQL.joinpath(dialect, f"{name}.sql").read_text("utf-8")
    (line,) = (line for line in text.splitlines() if line.startswith("-- ?2: [["))
    return line


@pytest.mark.parametrize(("ours", "theirs"), FORMS)
def test_they_take_what_those_of_sqlite_take(ours: str, theirs: str) -> None:
    assert header("d1", ours) == header("sqlite", theirs)


@pytest.mark.parametrize("name", [*INSTEAD, "insert_jobs", "claim_stat", "apply_stat"])
def test_nothing_of_ours_is_left_in_them(name: str) -> None:
    for one in statements(name):
        assert "elements(" not in one.text
        assert "histogram(" not in one.text


def test_the_others_are_those_of_sqlite() -> None:
    (one,) = statements("next_due")
    assert "json_each(" in one.text


def test_a_list_of_an_invocation_costs_nothing() -> None:
    from kiribi.runtimes.invocation import MOST_JOBS

    assert MOST_JOBS <= MOST
