"""D1 answers rows as objects: columns of one name, or named by a number, would not arrive."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files

import pytest

from kiribi.stores._statements import migrations, statement

NAMES = sorted(
    file.name.removesuffix(".sql")
    for file in files("kiribi.stores").joinpath("sql", "sqlite").iterdir()
    if file.name.endswith(".sql")
)


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    for script in migrations("sqlite"):
        connection.executescript(script)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", NAMES)
def test_columns_have_names_of_their_own(name: str, database: sqlite3.Connection) -> None:
    one = statement("sqlite", name)
    try:
        cursor = database.execute(one.text, (None,) * one.parameters)
    except sqlite3.IntegrityError:
        return  # nothing but NULLs to write: it is no query
    columns = [column[0] for column in cursor.description or ()]
    assert len(set(columns)) == len(columns)
    assert not [column for column in columns if column.isdigit()]
    database.rollback()
